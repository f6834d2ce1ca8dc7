//! The documents of the checkout: what a reader is told to write into files and to type.

use super::root;

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// The word behind the fence; empty for none.
    pub language: String,
    /// What stands between the fences.
    pub text: String,
    /// The words between the block before it and itself.
    before: String,
}

impl Block {
    /// The file that the words before it name: the last one with the block's language as its ending.
    pub fn file(&self) -> Option<&str> {
        let ending = format!(".{}", self.language);
        self.code().filter(|word| word.ends_with(&ending)).last()
    }

    /// The command that the words before it name: the last one that begins so.
    pub fn command(&self, start: &str) -> Option<&str> {
        self.code().filter(|word| word.starts_with(start)).last()
    }

    /// What the words before it have in code style.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.before.split('`').skip(1).step_by(2)
    }
}

/// The text of a document.
pub fn read(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands below a heading, up to the next one of its level.
pub fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text.find(&format!("\n{heading}\n"));
    let start = start.unwrap_or_else(|| panic!("no {heading:?}")) + 1 + heading.len();
    let (level, _) = heading.split_once(' ').expect("it begins with its level");
    let rest = &text[start..];
    rest.split(&format!("\n{level} ")).next().unwrap_or(rest)
}

/// The fenced blocks of a text, in order.
pub fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut before) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before.push_str(line);
            before.push('\n');
            continue;
        };
        let inside: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        blocks.push(Block {
            language: language.to_owned(),
            text: inside.join("\n"),
            before: std::mem::take(&mut before),
        });
    }
    blocks
}
