//! What a dialect may read that a policy may not: merge keys, tags, and further documents that are empty.

use expect_test::expect;

use super::check_as;
use crate::problems::Problems;
use crate::yaml::{Dialect, parse_as};

/// Everything that a dialect may read.
static OPEN: Dialect = Dialect {
    noun: "test",
    depth_max: 100,
    tags: Some(|tag, word| tag == "int" && word.parse::<u8>().is_ok()),
    merge_keys: true,
    empty_documents: true,
    yaml_1_1: true,
};

#[test]
fn of_a_merge_key_and_its_mapping_the_later_one_counts() {
    check_as(
        &OPEN,
        "- &x { a: 1, b: 2 }\n- &y { b: 3, c: 4 }\n- { b: 5, <<: *x }\n- { <<: [*y, *x], d: 6 }\n- { <<: { <<: *x, b: 7 } }\n- { <<: { l: { u: 1, v: 2 } }, l: { v: 3 } }\n- { a: 1, <<: { a: 2 }, a: 3 }\n",
        &expect![[r#"
            1:1 list
              1:3 map
               1:8 a:
                1:11 1
               1:14 b:
                1:17 2
              2:3 map
               2:8 b:
                2:11 3
               2:14 c:
                2:17 4
              3:3 map
               1:14 b:
                1:17 2
               1:8 a:
                1:11 1
              4:3 map
               1:8 a:
                1:11 1
               2:8 b:
                2:11 3
               2:14 c:
                2:17 4
               4:19 d:
                4:22 6
              5:3 map
               1:8 a:
                1:11 1
               5:19 b:
                5:22 7
              6:3 map
               6:32 l:
                6:35 map
                 6:16 u:
                  6:19 1
                 6:37 v:
                  6:40 3
              7:3 map
               7:17 a:
                7:20 2
            ! 7:25 `a` is given twice
              7:5 first given here
        "#]],
    );
    check_as(
        &OPEN,
        "- { <<: 5 }\n- { <<: [[]] }\n- { \"<<\": 5 }\n",
        &expect![[r#"
        1:1 list
          1:3 map
          2:3 map
          3:3 map
           3:5 <<:
            3:11 5
        ! 1:9 `<<` takes a mapping or a list of mappings, and `5` is given
        ! 2:10 `<<` takes a mapping or a list of mappings, and something else is given
    "#]],
    );
}

#[test]
fn a_tag_says_whether_a_word_is_text() {
    check_as(
        &OPEN,
        "- !!str 5\n- !!int \"5\"\n- !mine 5\n- !!mine 5\n- !<tag:yaml.org,2002:int> 5\n- !!int abc\n- !!bool 5\n- !!map { a: 1 }\n- !mine [1]\n",
        &expect![[r#"
            1:1 list
              1:3 "5"
              2:3 5
              3:3 "5"
              4:3 "5"
              5:3 5
              6:3 abc
              7:3 5
              8:3 map
               8:11 a:
                8:14 1
              9:3 list
                9:10 1
            ! 6:3 `abc` is not what its tag `!!int` says
            ! 7:3 `5` is not what its tag `!!bool` says
        "#]],
    );
}

#[test]
fn base_64_is_text_where_its_tag_says_so() {
    check_as(
        &OPEN,
        "- !!binary aGVsbG8=\n- !!binary aGVsbG8h\n- !!binary aA==\n- !!binary \"\"\n- !!binary |\n  aGVs\n  bG8=\n- !!binary aGVsbG8\n- !!binary a===\n- !!binary a=bc\n- !!binary aA==aA==\n- !!binary /w==\n- !!binary a-_=\n",
        &expect![[r#"
            1:1 list
              1:3 "hello"
              2:3 "hello!"
              3:3 "h"
              4:3 ""
              5:3 "hello"
              8:3 ""
              9:3 ""
              10:3 ""
              11:3 ""
              12:3 ""
              13:3 ""
            ! 8:3 `aGVsbG8` is not text in base 64
            ! 9:3 `a===` is not text in base 64
            ! 10:3 `a=bc` is not text in base 64
            ! 11:3 `aA==aA==` is not text in base 64
            ! 12:3 `/w==` is not text in base 64
            ! 13:3 `a-_=` is not text in base 64
        "#]],
    );
}

#[test]
fn white_space_is_that_of_yaml_1_1() {
    check_as(
        &OPEN,
        "a:\tb\nc:\t\t5\nd: {e:\tf}\ng: \"h\"# no word\ni: [# nor this\n  j]\nk: 'l:\tm'\nn: |\n  o:\tp\n",
        &expect![[r#"
            1:1 map
             1:1 a:
              1:4 b
             2:1 c:
              2:5 5
             3:1 d:
              3:4 map
               3:5 e:
                3:8 f
             4:1 g:
              4:4 "h"
             5:1 i:
              5:4 list
                6:3 j
             7:1 k:
              7:4 "l:\tm"
             8:1 n:
              9:3 "o:\tp\n"
        "#]],
    );
    for indented in ["\ta: b\n", "-\ta: b\n", "- \ta: b\n", "a:\n  -\tb: c\n"] {
        let mut problems = Problems::default();
        parse_as(&OPEN, 0, indented, &mut problems);
        assert_eq!(problems.len(), 1, "{indented:?}");
    }
    check_as(
        &OPEN,
        "-\ta\n-\t{b: c}\n",
        &expect![[r#"
        1:1 list
          1:3 a
          2:3 map
           2:4 b:
            2:7 c
    "#]],
    );
}

#[test]
fn directives_are_those_of_yaml_1_1() {
    check_as(
        &OPEN,
        "# first\n\n%YAML 1.1\n---\na\n",
        &expect![[r#"
        5:1 a
    "#]],
    );
    check_as(
        &OPEN,
        "%TAG !y! tag:yaml.org,2002:\n---\n!y!str 5\n",
        &expect![[r#"
        3:1 "5"
    "#]],
    );
    check_as(
        &OPEN,
        "# first\n%YAML 1.2\n---\na\n",
        &expect![[r#"
        ! 2:1 `%YAML 1.2` is not read
    "#]],
    );
    check_as(
        &OPEN,
        "%MINE\n---\na\n",
        &expect![[r#"
        ! 1:1 `%MINE` is not read
    "#]],
    );
    check_as(
        &OPEN,
        "a: |\n  b\n\n  %MINE\n",
        &expect![[r#"
        1:1 map
         1:1 a:
          2:3 "b\n\n%MINE\n"
    "#]],
    );
}

#[test]
fn further_documents_may_be_there_and_hold_nothing() {
    check_as(
        &OPEN,
        "a\n---\n--- # nothing\n...\n",
        &expect![[r#"
        1:1 a
    "#]],
    );
    check_as(
        &OPEN,
        "a\n---\n---\nb: 1\n",
        &expect![[r#"
        1:1 a
        ! 2:1 a second document begins here; a test file holds one
    "#]],
    );
    check_as(
        &OPEN,
        "a\n---\nb\n",
        &expect![[r#"
        1:1 a
        ! 2:1 a second document begins here; a test file holds one
    "#]],
    );
    check_as(
        &OPEN,
        "- &x a\n---\n*x\n",
        &expect![[r#"
        1:1 list
          1:3 a
        ! 2:1 a second document begins here; a test file holds one
    "#]],
    );
}

#[test]
fn what_anchors_hold_is_bounded() {
    // The same nodes are in both anchors.
    let text = format!("&a [&b [{}]]", "x, ".repeat(110_000));
    let mut problems = Problems::default();
    assert!(parse_as(&OPEN, 0, &text, &mut problems).is_none());
    assert_eq!(
        problems.into_sorted().0[0].message,
        "anchors hold more than 200000 values"
    );
}
