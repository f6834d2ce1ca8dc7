//! The scanner on what Rust makes hard: nesting, raw strings, quotes that are lifetimes.

use super::{Piece, Source};

fn piece(line: usize, text: &str) -> Piece {
    Piece {
        line,
        text: text.to_owned(),
    }
}

#[test]
fn comments_leave_the_code() {
    let source = Source::scan("a // one\n/* two /* nested\n */ still */ b\n//! three");
    assert_eq!(source.code, "a \n\n b\n");
    assert_eq!(
        source.comments,
        [
            piece(1, "// one"),
            piece(2, "/* two /* nested\n */ still */"),
            piece(4, "//! three")
        ]
    );
}

#[test]
fn strings_are_emptied_and_kept_apart() {
    let source = Source::scan("f(\"a \\\" // no comment\", b\"bytes\")\n\"second\nline\" g");
    assert_eq!(source.code, "f(\"\", b\"\")\n\"\n\" g");
    assert_eq!(
        source.literals,
        [
            piece(1, "a \\\" // no comment"),
            piece(1, "bytes"),
            piece(2, "second\nline")
        ]
    );
    assert!(source.comments.is_empty());
}

#[test]
fn raw_strings_end_at_their_own_marks() {
    let source = Source::scan("r\"a\\\" r#\"say \"hi\"\"# br##\"x\"#y\"## r#type her\"z\"");
    assert_eq!(
        source.literals,
        [
            piece(1, "a\\"),
            piece(1, "say \"hi\""),
            piece(1, "x\"#y"),
            piece(1, "z")
        ]
    );
    assert!(source.code.contains("r#type"), "{}", source.code);
}

#[test]
fn lifetimes_are_no_literals() {
    let source = Source::scan("fn f<'a>(x: &'a str) { '\"'; '\\''; '\\u{1F600}'; 'x' } // end");
    assert_eq!(source.code, "fn f<'a>(x: &'a str) { ; ; ;  } ");
    assert_eq!(source.comments, [piece(1, "// end")]);
}

#[test]
fn tokens_know_their_lines() {
    let source = Source::scan("use std::time;\nlet x = 1;");
    let tokens: Vec<(usize, &str)> = source.tokens().iter().map(|token| (token.line, token.text)).collect();
    let expected = [
        (1, "use"),
        (1, "std"),
        (1, "::"),
        (1, "time"),
        (1, ";"),
        (2, "let"),
        (2, "x"),
        (2, "="),
        (2, "1"),
        (2, ";"),
    ];
    assert_eq!(tokens, expected);
}

#[test]
fn inline_tests_are_found_and_sibling_files_are_not() {
    assert_eq!(
        Source::scan("fn f() {}\n#[cfg(test)]\nmod tests {\n}").inline_tests_from(),
        Some(2)
    );
    assert_eq!(
        Source::scan("#[cfg(test)]\nmod tests;\nfn f() {}").inline_tests_from(),
        None
    );
}
