//! Why faces could not be looked for.

/// A failure of the face pipeline; a picture without a face is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FacesError {
    /// A network broke; the text is its own.
    #[error("the face network failed: {0}")]
    Network(String),
    /// A network answered something that the rest cannot work with.
    #[error("the face network answered {0}")]
    Answer(String),
    /// Points that define no crop: coinciding eyes, an empty box, numbers that are none.
    #[error("the points of the face define no crop")]
    Degenerate,
    /// A crop template that does not exist.
    #[error("there is no crop template {0:?}")]
    UnknownTemplate(String),
    /// A reference shape of the wrong size or without depth.
    #[error("the reference shape is broken: {0}")]
    Shape(String),
    /// A detector that was asked about a face broke; the text is its own.
    #[error("{0}")]
    Detector(String),
    /// A thumbnail could not be encoded.
    #[error("cannot encode a thumbnail: {0}")]
    Thumbnail(#[from] image::ImageError),
}
