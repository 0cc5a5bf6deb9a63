//! Writing a suite as people would.

use super::SuiteFile;

impl SuiteFile {
    /// The suite as YAML: its keys in the order of the format, texts of several lines as blocks.
    ///
    /// # Errors
    /// The suite has something that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        let options = serde_saphyr::ser_options! {
            compact_list_indent: true,
            folded_wrap_chars: usize::MAX,
        };
        Ok(serde_saphyr::to_string_with_options(self, options)?)
    }
}

/// Why a suite cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the suite as YAML")]
pub struct WriteError(#[from] serde_saphyr::ser_error::Error);
