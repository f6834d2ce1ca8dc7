//! Patterns against a matcher that tries everything.

use proptest::prelude::*;

use super::Pattern;

/// The definition: a star is nothing, or one character and again a star.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), None) => naive(rest, text),
        (Some(('*', rest)), Some((_, fewer))) => naive(rest, text) || naive(pattern, fewer),
        (Some((p, rest)), Some((t, fewer))) => p == t && naive(rest, fewer),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[test]
fn a_text_without_a_star_is_no_pattern() {
    assert_eq!(Pattern::of("plain"), None);
    assert_eq!(Pattern::of(""), None);
}

#[test]
fn first_and_last_may_not_share_characters() {
    let pattern = Pattern::of("ab*ba").expect("it has a star");
    assert!(!pattern.fits("aba"));
    assert!(pattern.fits("abba"));
    assert!(pattern.fits("ab-ba"));
}

proptest! {
    #[test]
    fn it_fits_what_the_definition_fits(pattern in "[abä*]{0,7}\\*[abä*]{0,3}", text in "[abä*]{0,10}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let fits = Pattern::of(&pattern).expect("it has a star").fits(&text);
        prop_assert_eq!(fits, naive(&chars(&pattern), &chars(&text)));
    }
}
