//! Rust source with its comments and literals taken apart from its code, so that a check never trips over words in
//! a string or a comment. Line numbers survive.
//!
//! This is a scanner, not a parser: it knows how literals and comments begin and end and nothing else.

/// A piece of source and the line (from 1) that it begins on.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// The line.
    pub line: usize,
    /// Its content.
    pub text: String,
}

/// One source file, taken apart.
#[derive(Debug, Default)]
pub struct Source {
    /// The code, with every comment dropped and every literal emptied.
    pub code: String,
    /// The content of every string literal.
    pub literals: Vec<Piece>,
    /// Every comment, marks included.
    pub comments: Vec<Piece>,
}

/// A word or a mark of the code.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Token<'a> {
    /// The line, from 1.
    pub line: usize,
    /// An identifier or number, `::`, or a single character.
    pub text: &'a str,
}

impl Source {
    /// Takes a file apart.
    pub fn scan(text: &str) -> Self {
        let mut scanner = Scanner {
            chars: text.chars().collect(),
            at: 0,
            line: 1,
            found: Self::default(),
        };
        while let Some(next) = scanner.peek(0) {
            scanner.step(next);
        }
        scanner.found
    }

    /// The words and marks of the code.
    pub fn tokens(&self) -> Vec<Token<'_>> {
        self.code
            .lines()
            .enumerate()
            .flat_map(|(index, line)| tokens_of(line, index + 1))
            .collect()
    }

    /// The line on which an inline `#[cfg(test)] mod … {` begins: from there on the file is test code.
    pub fn inline_tests_from(&self) -> Option<usize> {
        let tokens = self.tokens();
        let start = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        tokens
            .windows(start.len() + 2)
            .find(|run| {
                run.iter().zip(start).all(|(token, wanted)| token.text == wanted) && run[start.len() + 1].text == "{"
            })
            .map(|run| run[0].line)
    }
}

fn tokens_of(line: &str, number: usize) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(Token {
            line: number,
            text: token,
        });
        rest = after.trim_start();
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Source,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Moves over one character; only its newline reaches the code.
    fn skip(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.found.code.push('\n');
        }
        Some(c)
    }

    /// Moves over one character into the code.
    fn keep(&mut self) {
        if let Some(c) = self.skip()
            && c != '\n'
        {
            self.found.code.push(c);
        }
    }

    fn step(&mut self, next: char) {
        match (next, self.peek(1)) {
            ('/', Some('/')) => self.line_comment(),
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            ('r', Some('"' | '#')) if self.may_open_raw_string() => self.raw_string(),
            _ => self.keep(),
        }
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while self.peek(0).is_some_and(|c| c != '\n') {
            text.extend(self.skip());
        }
        self.found.comments.push(Piece { line, text });
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        let mut depth = 0_u32;
        loop {
            let change = match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => 1,
                (Some('*'), Some('/')) => -1,
                (None, _) => break,
                _ => 0,
            };
            text.extend(self.skip());
            if change != 0 {
                text.extend(self.skip());
                depth = depth.saturating_add_signed(change);
            }
            if depth == 0 {
                break;
            }
        }
        self.found.comments.push(Piece { line, text });
    }

    fn string(&mut self) {
        let line = self.line;
        self.keep();
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            if c == '"' {
                self.keep();
                break;
            }
            text.extend(self.skip());
            if c == '\\' {
                text.extend(self.skip());
            }
        }
        self.found.literals.push(Piece { line, text });
    }

    /// A character literal is dropped; the quote of a lifetime is kept.
    fn quote(&mut self) {
        match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => {
                // The quote, the backslash and what it escapes, then up to the closing quote.
                for _ in 0..3 {
                    self.skip();
                }
                while self.skip().is_some_and(|c| c != '\'') {}
            }
            (Some(_), Some('\'')) => {
                for _ in 0..3 {
                    self.skip();
                }
            }
            _ => self.keep(),
        }
    }

    fn may_open_raw_string(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.chars.get(at)).copied();
        let begins_word = match before(1) {
            Some('b' | 'c') => !before(2).is_some_and(is_word),
            Some(c) => !is_word(c),
            None => true,
        };
        let hashes = self.chars[self.at + 1..].iter().take_while(|c| **c == '#').count();
        begins_word && self.peek(1 + hashes) == Some('"')
    }

    fn raw_string(&mut self) {
        let line = self.line;
        self.skip();
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            self.skip();
            hashes += 1;
        }
        self.keep();
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            if c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.keep();
                for _ in 0..hashes {
                    self.skip();
                }
                break;
            }
            text.extend(self.skip());
        }
        self.found.literals.push(Piece { line, text });
    }
}

#[cfg(test)]
mod tests;
