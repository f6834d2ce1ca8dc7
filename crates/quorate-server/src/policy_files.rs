//! Policy documents on disk: files as they are given, and the documents of directories. What they mean is the business
//! of `quorate-policy`.

use std::path::{Path, PathBuf};

use quorate_policy::Source;
use thiserror::Error;

/// The file names that a directory is searched for. Others (a README, an editor's backup) are passed over.
const EXTENSIONS: [&str; 2] = ["yaml", "yml"];

/// A file or directory that cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// The operating system said so.
    #[error("{}: cannot be read: {source}", path.display())]
    Path {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A directory without any document.
    #[error("{}: the directory holds no file that ends with .yaml or .yml", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

/// Reads what is given: files, and the documents that directories hold themselves, in the order of their names.
///
/// # Errors
/// Everything that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Unreadable>> {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match documents(path) {
            Ok(files) => {
                for file in files {
                    match std::fs::read_to_string(&file) {
                        Ok(text) => sources.push(Source {
                            name: file.display().to_string(),
                            text,
                        }),
                        Err(source) => unreadable.push(Unreadable::Path { path: file, source }),
                    }
                }
            }
            Err(error) => unreadable.push(error),
        }
    }
    if unreadable.is_empty() {
        Ok(sources)
    } else {
        Err(unreadable)
    }
}

/// The files that a path stands for.
fn documents(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|source| Unreadable::Path {
        path: path.to_owned(),
        source,
    })?;
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| is_document(path))
        .collect();
    if files.is_empty() {
        return Err(Unreadable::Empty { path: path.to_owned() });
    }
    files.sort();
    Ok(files)
}

/// Whether a file of a directory is a document: hidden files are not, since mounted volumes keep their versions there.
fn is_document(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !hidden && path.is_file() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_gives_its_documents_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["b.yaml", "a.yml", ".hidden.yaml", "README.md", "c.yaml~"] {
            fs::write(directory.path().join(name), name).expect("a file");
        }
        fs::create_dir(directory.path().join("inner.yaml")).expect("a directory");
        let sources = read(&[directory.path().to_owned()]).expect("it is readable");
        let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, ["a.yml", "b.yaml"]);
    }

    #[test]
    fn everything_that_cannot_be_read_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("missing.yaml");
        let broken = directory.path().join("broken.yaml");
        fs::write(&broken, [0xFF, 0xFE]).expect("a file");
        let empty = directory.path().join("empty");
        fs::create_dir(&empty).expect("a directory");
        let problems = read(&[missing, broken, empty]).expect_err("nothing is readable");
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
