//! An examined file: opened once, hashed in one read, its facts known, nothing decoded until asked.
//!
//! The decision that shapes it: the descriptor that was hashed is the descriptor that every decoder
//! reads (children get it through `/proc/self/fd`), so the file cannot be exchanged under a running
//! examination and no file name, whatever its bytes, ever reaches a decoder's command line. Still
//! pictures are kept in memory, videos are not.
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::path::{Path, PathBuf};

use assay_evidence::{Fact, FactGroup, MediaKind};
use image::RgbImage;
use sha2::{Digest, Sha256, Sha512};

use crate::bmff::BoxTree;
use crate::jpeg::{self, JpegStructure};
use crate::metadata::{self, Metadata};
use crate::sniff::{self, Format};
use crate::video::{self, DecodeSummary, FrameReader, PacketTable, VideoInfo, command::Tool};
use crate::{Limits, MediaError, Orientation, Progress, beside, complete, heif, still};

/// Bytes that are read and hashed at a time.
const CHUNK_BYTES: usize = 4 << 20;

/// One examined file.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: File,
    limits: Limits,
    bytes_len: u64,
    sha256: String,
    sha512: String,
    format: Format,
    still: Option<Vec<u8>>,
    coded_size: (u32, u32),
    orientation: Orientation,
    metadata: Metadata,
    jpeg: Option<JpegStructure>,
    boxes: Option<BoxTree>,
    video: Option<VideoInfo>,
    picture_facts: Vec<Fact>,
}

impl Source {
    /// Opens a file: names its format by content, hashes it in one streaming read, reads its facts.
    /// No pixel is decoded.
    ///
    /// # Errors
    /// [`MediaError`] when the file cannot be read, is no picture or video, is damaged or ends
    /// early, or exceeds the limits.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, MediaError> {
        // Opening a FIFO would wait for its writer, a device could do anything.
        let kind = std::fs::metadata(path)?;
        if kind.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if !kind.is_file() {
            return Err(MediaError::UnknownFormat("it is not a regular file".into()));
        }
        Self::of_file(path.to_owned(), File::open(path)?, limits)
    }

    /// Opens bytes that lie in memory, as [`Source::open`] does a file. They are put into a
    /// temporary file without a name, which nobody else can open and which is gone with the source,
    /// because decoders of videos run in a child process and read a descriptor. `name` is the
    /// file's name in reports; a path before it is left out.
    ///
    /// # Errors
    /// Those of [`Source::open`].
    pub fn from_bytes(name: &str, bytes: &[u8], limits: &Limits) -> Result<Self, MediaError> {
        // Told before anything is written, of a stream of bytes that is no media.
        sniff::sniff(bytes.get(..sniff::HEAD_BYTES).unwrap_or(bytes))?;
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::Start(0))?;
        let name = Path::new(name).file_name().unwrap_or_default();
        Self::of_file(PathBuf::from(name), file, limits)
    }

    fn of_file(path: PathBuf, mut file: File, limits: &Limits) -> Result<Self, MediaError> {
        let bytes_len = file.metadata()?.len();
        let mut head = vec![0; sniff::HEAD_BYTES];
        let read = read_full(&mut file, &mut head)?;
        head.truncate(read);
        let mut format = sniff::sniff(&head)?;
        file.seek(SeekFrom::Start(0))?;
        let keep = format.fits_memory();
        if keep && bytes_len > limits.max_image_bytes {
            let most = limits.max_image_bytes;
            return Err(MediaError::OverLimit(format!(
                "the picture file has {bytes_len} bytes, at most {most} are read"
            )));
        }
        let Hashed { length, sha256, sha512, bytes } = hash(&mut file, keep)?;
        let mut still = keep.then_some(bytes);
        match &still {
            Some(bytes) => format = complete::picture(bytes, format)?,
            None => complete::video(&mut file, length, format)?,
        }
        let boxes = if format.has_boxes() { Some(BoxTree::read(&mut file)?) } else { None };
        if let Some(tree) = boxes.as_ref().filter(|_| format.kind() == MediaKind::Video) {
            complete::self_contained(&mut file, tree, format)?;
        }
        let metadata = match &still {
            // The structure of a JPEG is read once, further down.
            Some(bytes) if format != Format::Jpeg => metadata::read_image(bytes, format.name()),
            _ => Metadata::default(),
        };
        let mut source = Self {
            path,
            file,
            limits: limits.clone(),
            bytes_len: length,
            sha256,
            sha512,
            format,
            still: None,
            coded_size: (0, 0),
            orientation: Orientation::default(),
            metadata,
            jpeg: None,
            boxes,
            video: None,
            picture_facts: Vec::new(),
        };
        if format.kind() == MediaKind::Video {
            let info = video::probe(&source.tool()?)?;
            let stream = info.main_stream();
            source.coded_size = (stream.width, stream.height);
            still::within(source.coded_size, limits)?;
            source.orientation = info.orientation();
            source.video = Some(info);
        } else if let Some(bytes) = still.take() {
            source.open_still(bytes)?;
        }
        Ok(source)
    }

    fn open_still(&mut self, bytes: Vec<u8>) -> Result<(), MediaError> {
        match self.format {
            Format::Heif | Format::Avif => {
                let primary = heif::primary(&bytes, self.format.label())?;
                still::within(primary.size, &self.limits)?;
                self.coded_size = primary.size;
                let fact = "turned upright by the decoder, as the file's own transformations say";
                self.picture_facts.push(Fact::new("orientation", fact));
            }
            format => {
                // First, since it tells a coding that is not supported from a damaged one.
                let structure = (format == Format::Jpeg).then(|| JpegStructure::parse(&bytes)).transpose()?;
                if let Some(bits) = structure.as_ref().map(|s| s.precision).filter(|bits| *bits != 8) {
                    let reason = format!("{bits} bits a sample");
                    return Err(MediaError::Unsupported { format: format.label(), reason });
                }
                let header = still::header(&bytes, format, &self.limits)?;
                self.coded_size = header.size;
                self.picture_facts = header.facts;
                if let Some(structure) = structure {
                    complete::jpeg(&bytes, &structure, &self.limits)?;
                    self.metadata = metadata::read_jpeg(&bytes, &structure);
                    self.jpeg = Some(structure);
                }
                self.orientation = self.metadata.orientation();
            }
        }
        self.still = Some(bytes);
        Ok(())
    }

    fn tool(&self) -> Result<Tool<'_>, MediaError> {
        Tool::new(&self.file, self.format, &self.limits)
    }

    /// Options that let `ffmpeg` read this file under our limits, the input itself last, and the
    /// descriptor that the child must inherit. For a sound track that goes along with other
    /// pictures.
    ///
    /// # Errors
    /// [`MediaError::Unsupported`] for a still picture.
    pub fn ffmpeg_input(&self) -> Result<(Vec<OsString>, RawFd), MediaError> {
        Ok((self.tool()?.input(), self.file.as_raw_fd()))
    }

    /// Path as given; of bytes, the name alone.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// File name without folders; bytes that are not UTF-8 are shown as U+FFFD.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Size in bytes.
    pub fn bytes_len(&self) -> u64 {
        self.bytes_len
    }

    /// Lower-case hexadecimal SHA-256 of the file.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Lower-case hexadecimal SHA-512 of the file.
    pub fn sha512(&self) -> &str {
        &self.sha512
    }

    /// Picture or video.
    pub fn kind(&self) -> MediaKind {
        self.format.kind()
    }

    /// Format by content: `jpeg`, `png`, `apng`, `webp`, `gif`, `tiff`, `bmp`, `heif`, `avif`,
    /// `mp4`, `mov`, `matroska`, `webm`, `avi`, `mpegts`.
    pub fn format(&self) -> &str {
        self.format.name()
    }

    /// Width and height in pixels in coded orientation.
    pub fn coded_size(&self) -> (u32, u32) {
        self.coded_size
    }

    /// From coded to shown orientation: EXIF for still pictures, the display matrix for videos.
    /// HEIF and AVIF come upright from their decoder.
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// Duration in seconds; `None` for a still picture or when the container does not say.
    pub fn duration_secs(&self) -> Option<f64> {
        let video = self.video.as_ref()?;
        video.duration_secs.or(video.main_stream().duration_secs)
    }

    /// Everything that the container and the metadata say, for people.
    pub fn facts(&self) -> Vec<FactGroup> {
        let mut groups = Vec::new();
        if !self.picture_facts.is_empty() {
            groups.push(FactGroup { title: "Picture".into(), facts: self.picture_facts.clone() });
        }
        if let Some(video) = &self.video {
            groups.extend(video.facts());
        }
        groups.extend(self.metadata.facts());
        if let Some(boxes) = &self.boxes {
            groups.extend(boxes.facts());
        }
        groups
    }

    /// What is in the file beside the picture or clip that is examined, in words.
    pub fn not_examined(&self) -> Vec<String> {
        match (&self.video, self.still.as_deref()) {
            (Some(video), _) => video.not_examined(),
            (None, Some(bytes)) => beside::in_picture(bytes, self.format),
            (None, None) => Vec::new(),
        }
    }

    /// The metadata in typed form.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The structure of a JPEG file.
    pub fn jpeg_structure(&self) -> Option<&JpegStructure> {
        self.jpeg.as_ref()
    }

    /// The boxes of an ISO base media file (MP4, MOV, HEIF, AVIF).
    pub fn boxes(&self) -> Option<&BoxTree> {
        self.boxes.as_ref()
    }

    /// The file's bytes from the descriptor that was hashed, for parsers outside this crate.
    pub fn reader(&self) -> SourceReader<'_> {
        SourceReader { source: self, at: 0 }
    }

    /// The bytes of a still picture's file.
    pub fn still_bytes(&self) -> Option<&[u8]> {
        self.still.as_deref()
    }

    /// Decodes the still picture: 8-bit RGB, coded orientation. Alpha is dropped and 16-bit samples
    /// keep their upper byte, which the facts say.
    ///
    /// # Errors
    /// [`MediaError::Unsupported`] for a video, otherwise those of the decoder. A picture that ends
    /// early is an error.
    pub fn picture(&self) -> Result<RgbImage, MediaError> {
        let Some(bytes) = self.still.as_deref() else {
            return Err(MediaError::Unsupported {
                format: self.format.label(),
                reason: "it is a video, not a picture".into(),
            });
        };
        match self.format {
            Format::Heif | Format::Avif => {
                let primary = heif::primary(bytes, self.format.label())?;
                heif::decode(&self.file, self.format, &primary, &self.limits)
            }
            format => still::decode(bytes, format, &self.limits),
        }
    }

    /// The quantised DCT coefficients as they are stored; `None` when the file is not a JPEG.
    ///
    /// # Errors
    /// [`MediaError::Damaged`] when the entropy-coded data is broken.
    pub fn jpeg(&self) -> Result<Option<Vec<jpeg::Component>>, MediaError> {
        match (&self.jpeg, &self.still) {
            (Some(structure), Some(bytes)) => jpeg::coefficients(bytes, structure, &self.limits).map(Some),
            _ => Ok(None),
        }
    }

    /// What a video's container says of its streams.
    pub fn video(&self) -> Option<&VideoInfo> {
        self.video.as_ref()
    }

    fn need_video(&self) -> Result<&VideoInfo, MediaError> {
        let reason = || "it is a still picture, not a video".to_owned();
        self.video.as_ref().ok_or_else(|| MediaError::Unsupported { format: self.format.label(), reason: reason() })
    }

    /// Reads the packet table of every video stream and the hash of every stream. Nothing is
    /// decoded; costs one read of the file for each of the two.
    ///
    /// # Errors
    /// [`MediaError::Unsupported`] for a still picture, otherwise those of the child.
    pub fn packets(&self) -> Result<PacketTable, MediaError> {
        video::read_packets(&self.tool()?, self.need_video()?)
    }

    /// Decodes a video once for all readers. Reads the packet table first; a caller who has it
    /// already uses [`Source::decode_with`].
    ///
    /// # Errors
    /// [`MediaError::Damaged`] when fewer frames come than the packet table promises,
    /// [`MediaError::Cancelled`], those of the child and the first error of a reader.
    pub fn decode(
        &self,
        readers: &mut [&mut dyn FrameReader],
        progress: &dyn Progress,
    ) -> Result<DecodeSummary, MediaError> {
        self.decode_with(&self.packets()?, readers, progress)
    }

    /// As [`Source::decode`], with the packet table of this source at hand.
    ///
    /// # Errors
    /// Those of [`Source::decode`].
    pub fn decode_with(
        &self,
        packets: &PacketTable,
        readers: &mut [&mut dyn FrameReader],
        progress: &dyn Progress,
    ) -> Result<DecodeSummary, MediaError> {
        video::decode(&self.tool()?, self.need_video()?, packets, readers, progress)
    }

    /// Which decoder gives the pixels, with its version.
    pub fn decoder(&self) -> String {
        match self.format {
            Format::Heif | Format::Avif => heif::decoder(&self.limits),
            format if format.kind() == MediaKind::Image => still::DECODER.to_owned(),
            _ => video::command::version(&self.limits),
        }
    }
}

/// The bytes of a [`Source`]; any number of readers may be at work, each with a place of its own.
#[derive(Debug)]
pub struct SourceReader<'a> {
    source: &'a Source,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(&self.source.file, buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SourceReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.source.bytes_len.checked_add_signed(by),
        };
        self.at =
            place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the file's start"))?;
        Ok(self.at)
    }
}

struct Hashed {
    length: u64,
    sha256: String,
    sha512: String,
    /// The whole file when it was to be kept.
    bytes: Vec<u8>,
}

/// One read, both hashes side by side. True when the first bytes of a regular file are those of a
/// picture or video that Assay reads; the rest may still be damaged.
pub fn looks_like_media(path: &Path) -> bool {
    // Opening a FIFO would wait for its writer.
    if !std::fs::metadata(path).is_ok_and(|m| m.is_file()) {
        return false;
    }
    let mut head = vec![0; sniff::HEAD_BYTES];
    let read = File::open(path).and_then(|mut file| read_full(&mut file, &mut head));
    read.is_ok_and(|n| sniff::sniff(&head[..n]).is_ok())
}

fn hash(file: &mut File, keep: bool) -> io::Result<Hashed> {
    let (mut short, mut long) = (Sha256::new(), Sha512::new());
    let mut kept = Vec::new();
    let mut length = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = read_full(file, &mut chunk)?;
        let part = chunk.get(..count).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        length += part.len() as u64;
        rayon::join(|| short.update(part), || long.update(part));
        if keep {
            kept.extend_from_slice(part);
        }
    }
    Ok(Hashed {
        length,
        sha256: assay_files::hex(&short.finalize()),
        sha512: assay_files::hex(&long.finalize()),
        bytes: kept,
    })
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
