//! The grids of a server: the shipped ones, and those of a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::{MatrixSetError, TileMatrixSet, shipped};
use crate::limits::{MAX_MATRIX_SET_BYTES, MAX_MATRIX_SETS};

/// Why the grids of a folder cannot be taken.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file is no tile matrix set, or none that we can cut tiles by.
    #[error("{path}: {error}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: MatrixSetError,
    },
    /// A file is larger than any such file.
    #[error("{path} has more than {MAX_MATRIX_SET_BYTES} bytes (MAX_MATRIX_SET_BYTES)")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Two have the same identifier.
    #[error("{path}: there is a tile matrix set \"{id}\" already; give it another id")]
    Known {
        /// Which file.
        path: PathBuf,
        /// The identifier.
        id: String,
    },
    /// More than anybody can choose from.
    #[error("{path} holds more than {MAX_MATRIX_SETS} tile matrix sets (MAX_MATRIX_SETS)")]
    TooMany {
        /// Which folder.
        path: PathBuf,
    },
}

/// The grids in which tiles are offered, the shipped ones first.
#[derive(Debug, Clone)]
pub struct MatrixSets(Vec<Arc<TileMatrixSet>>);

impl Default for MatrixSets {
    fn default() -> Self {
        Self::shipped()
    }
}

impl MatrixSets {
    /// Those that every server has.
    pub fn shipped() -> Self {
        Self(shipped::all().into_iter().map(Arc::new).collect())
    }

    /// Adds every `*.json` of a folder, in order of name.
    ///
    /// # Errors
    /// The first file that is not what it should be; nothing is added then.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), FolderError> {
        let unreadable = |path: &Path, error: &std::io::Error| FolderError::Unreadable {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
            let path = entry.map_err(|error| unreadable(folder, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        if paths.len() > MAX_MATRIX_SETS {
            return Err(FolderError::TooMany { path: folder.to_path_buf() });
        }
        paths.sort();
        let mut all = self.0.clone();
        for path in paths {
            let size = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
            if size > MAX_MATRIX_SET_BYTES {
                return Err(FolderError::TooLarge { path });
            }
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let set = match TileMatrixSet::from_json(&text) {
                Ok(set) => set,
                Err(error) => return Err(FolderError::Invalid { path, error }),
            };
            // Not even by case: some file systems and people do not tell them apart.
            if all.iter().any(|other| other.id.eq_ignore_ascii_case(&set.id)) {
                return Err(FolderError::Known { path, id: set.id });
            }
            all.push(Arc::new(set));
        }
        self.0 = all;
        Ok(())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TileMatrixSet>> {
        self.0.iter()
    }

    /// One by its identifier.
    pub fn get(&self, id: &str) -> Option<&Arc<TileMatrixSet>> {
        self.0.iter().find(|set| set.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = r#"{"id": "Comune", "crs": "EPSG:7795", "tileMatrices": [{"id": "a", "scaleDenominator": 3571.428571,
        "cellSize": 1, "pointOfOrigin": [3000000, 5060000], "tileWidth": 256, "tileHeight": 256, "matrixWidth": 9, "matrixHeight": 8}]}"#;

    #[test]
    fn a_folder_is_taken_whole_or_not_at_all_and_the_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("b.json", SET);
        write("notes.txt", "not looked at");
        let mut sets = MatrixSets::shipped();
        sets.add_folder(folder.path()).expect("taken");
        assert_eq!(sets.iter().count(), 5);
        let (_, matrix) = sets.get("Comune").expect("there").matrix("a").expect("a matrix");
        assert_eq!((matrix.columns, matrix.origin), (9, [3_000_000.0, 5_060_000.0]));

        for (text, said) in [("{", "c.json"), (&*SET.replace("Comune", "comune"), "capital"), (SET, "already")] {
            write("c.json", text);
            let mut sets = MatrixSets::shipped();
            let error = sets.add_folder(folder.path()).expect_err("refused").to_string();
            assert!(error.contains("c.json") && error.contains(said), "{error}");
            assert_eq!(sets.iter().count(), 4, "nothing is added");
        }
        assert!(matches!(sets.add_folder(Path::new("/nowhere")), Err(FolderError::Unreadable { .. })));
    }
}
