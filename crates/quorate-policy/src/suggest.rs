//! The nearest thing that would have been right.

/// Beyond this share of its letters wrong, a word was not a slip of the other.
const WRONG_LETTERS_OF: usize = 3;

/// The known word nearest to `word`, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let bound = (word.chars().count() / WRONG_LETTERS_OF).max(1);
    known
        .into_iter()
        .filter(|known| *known != word)
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= bound && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The most known words that a message lists.
const LISTED_MAX: usize = 12;

/// What to say about a word that is not known: the nearest one, else all of them if they are few.
#[must_use]
pub fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(nearest) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let all: Vec<String> = known
        .into_iter()
        .take(LISTED_MAX + 1)
        .map(|known| format!("`{known}`"))
        .collect();
    (1..=LISTED_MAX)
        .contains(&all.len())
        .then(|| format!("known: {}", all.join(", ")))
}

#[cfg(test)]
mod tests;
