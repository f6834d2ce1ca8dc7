//! Policy documents, and rules of Envoy, on disk: files as they are given, and those of directories. What they mean is
//! the business of `quorate-policy` and `quorate-envoy`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use quorate_policy::Source;
use thiserror::Error;

/// The file names that a directory is searched for policies. Others (a README, an editor's backup) are passed over.
const EXTENSIONS: [&str; 2] = ["yaml", "yml"];

/// What is said of a link to a folder within a directory of rules.
pub const FOLDER_UNREAD: &str = "a link to a folder within the rules: what is in it is not read";

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
    /// A directory without any file of rules.
    #[error("{}: the directory holds no file", path.display())]
    NoRules {
        /// The directory.
        path: PathBuf,
    },
}

/// Files of Envoy's rules.
#[derive(Clone, Debug, Default)]
pub struct RuleFiles {
    /// The files, in the order of their names.
    pub sources: Vec<Source>,
    /// Links to folders within a directory of rules: what is in them is not read.
    pub folders: Vec<PathBuf>,
}

/// Reads what is given: files, and the documents that directories hold themselves, in the order of their names.
///
/// # Errors
/// Everything that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Unreadable>> {
    read_each(paths, documents)
}

/// Reads rules of Envoy: files as they are given, and all that directories and the folders within them hold, whatever they
/// are called, as the reference service does. Names that begin with a dot are passed over.
///
/// # Errors
/// Everything that cannot be read.
pub fn read_rules(paths: &[PathBuf]) -> Result<RuleFiles, Vec<Unreadable>> {
    let mut folders = Vec::new();
    let sources = read_each(paths, |path| {
        let (files, inner) = rules(path)?;
        folders.extend(inner);
        Ok(files)
    })?;
    Ok(RuleFiles { sources, folders })
}

fn read_each(
    paths: &[PathBuf],
    mut files: impl FnMut(&Path) -> Result<Vec<PathBuf>, Unreadable>,
) -> Result<Vec<Source>, Vec<Unreadable>> {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match files(path) {
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
    let mut files = seen(path)?;
    files.retain(|path| is_document(path));
    if files.is_empty() {
        return Err(Unreadable::Empty { path: path.to_owned() });
    }
    Ok(files)
}

/// The files of rules that a path stands for, and the links to folders among them.
fn rules(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Unreadable> {
    if !path.is_dir() {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    let mut held = Vec::new();
    for folder in folders_of(path) {
        held.extend(seen(&folder)?);
    }
    held.sort();
    let linked = |path: &PathBuf| path.is_symlink() && path.is_dir();
    let links = held.iter().filter(|path| linked(path)).cloned().collect();
    held.retain(|path| is_read(path));
    if held.is_empty() {
        return Err(Unreadable::NoRules { path: path.to_owned() });
    }
    Ok((held, links))
}

/// A directory of rules with the folders within it, all the way down but through no link, as the reference service goes.
#[must_use]
pub fn folders_of(path: &Path) -> Vec<PathBuf> {
    let mut folders = vec![path.to_owned()];
    let mut next = 0;
    while let Some(folder) = folders.get(next) {
        // What cannot be listed is told by whoever reads it.
        let inner = seen(folder).unwrap_or_default();
        folders.extend(inner.into_iter().filter(|path| path.is_dir() && !path.is_symlink()));
        next += 1;
    }
    folders
}

/// The links among the policy documents that a directory holds, also those that lead nowhere now; none of what is not
/// a directory.
#[must_use]
pub fn linked_documents(directory: &Path) -> Vec<PathBuf> {
    links_in(directory, is_document)
}

/// The links among the files of rules that one folder holds itself, also those that lead nowhere now.
#[must_use]
pub fn linked_rules(folder: &Path) -> Vec<PathBuf> {
    links_in(folder, is_read)
}

fn links_in(directory: &Path, is_wanted: fn(&Path) -> bool) -> Vec<PathBuf> {
    // What cannot be listed is told by whoever reads it.
    let mut links = seen(directory).unwrap_or_default();
    links.retain(|path| path.is_symlink() && is_wanted(path));
    links
}

/// What a directory holds, in order, without hidden names: mounted volumes keep their versions under those.
fn seen(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|source| Unreadable::Path {
        path: path.to_owned(),
        source,
    })?;
    let hidden = |entry: &std::fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .filter(|entry| !hidden(entry))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Whether what a directory holds is a policy document.
fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) && is_read(path)
}

/// Whether what a directory holds is read as a file: folders, sockets and pipes are not. What cannot be looked at, such
/// as a link that leads nowhere, is: reading it says why not, and to pass it over would drop its limits without a word.
fn is_read(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(found) => found.is_file(),
        // What was removed since the directory was listed is not there to be read.
        Err(_) => std::fs::symlink_metadata(path).map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true),
    }
}

#[cfg(test)]
mod tests;
