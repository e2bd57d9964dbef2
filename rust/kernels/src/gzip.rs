//! Gzip streams: inflated as they are read, with every checksum looked at, and deflated as they are written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

const BUFFER: usize = 1 << 17;
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes of a file, inflated if they are gzipped; what the file is called does not matter.
///
/// # Errors
/// What the system says if the file cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Inflated<BufReader<File>>> {
    Inflated::new(BufReader::with_capacity(BUFFER, File::open(path)?))
}

/// A stream as it is or, if it begins as gzip does, all of its gzip members inflated one after the other.
///
/// A member whose checksum or length is wrong, and bytes behind the last one that are neither a member nor zeros
/// (padding), are errors of kind `InvalidInput` or `InvalidData`; a stream that ends too early is `UnexpectedEof`.
#[derive(Debug)]
pub struct Inflated<R>(State<R>);

#[derive(Debug)]
enum State<R> {
    Plain(R),
    Member(Box<GzDecoder<R>>),
    End,
}

impl<R: BufRead> Inflated<R> {
    /// Looks at the first bytes to see what the stream is.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn new(mut stream: R) -> io::Result<Self> {
        let gzipped = stream.fill_buf()?.starts_with(&MAGIC);
        Ok(Self(if gzipped { State::Member(Box::new(GzDecoder::new(stream))) } else { State::Plain(stream) }))
    }

    /// Reads on to the end (the checksum of a gzip member comes after its last byte), but at most one byte more
    /// than `spare`; gives how many there were.
    ///
    /// # Errors
    /// Damage that shows only there.
    pub fn check_rest(&mut self, spare: u64) -> io::Result<u64> {
        io::copy(&mut self.take(spare.saturating_add(1)), &mut io::sink())
    }

    /// After a member: the next one, or the end behind nothing but zeros.
    fn next_member(mut stream: R) -> io::Result<State<R>> {
        loop {
            let ahead = stream.fill_buf()?;
            let Some(zeros) = ahead.iter().position(|&byte| byte != 0) else {
                let n = ahead.len();
                if n == 0 {
                    return Ok(State::End);
                }
                stream.consume(n);
                continue;
            };
            stream.consume(zeros);
            return Ok(State::Member(Box::new(GzDecoder::new(stream))));
        }
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = match &mut self.0 {
                State::Plain(stream) => return stream.read(out),
                State::Member(member) => member.read(out)?,
                State::End => return Ok(0),
            };
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            if let State::Member(member) = std::mem::replace(&mut self.0, State::End) {
                self.0 = Self::next_member(member.into_inner())?;
            }
        }
    }
}

/// A gzip stream without name and time (the same bytes in, the same bytes out) that hands over what is ready.
#[derive(Debug)]
pub struct Deflater(GzEncoder<Vec<u8>>);

impl Deflater {
    /// `level` 0 (stored) to 9 (smallest).
    pub fn new(level: u32) -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::new(level.min(9))))
    }

    /// Takes bytes in; gives those of the compressed stream that are ready.
    pub fn compress(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.write_all(bytes).expect("a vector takes all bytes");
        std::mem::take(self.0.get_mut())
    }

    /// The end of the stream.
    pub fn finish(self) -> Vec<u8> {
        self.0.finish().expect("a vector takes all bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(bytes: &[u8], level: u32) -> Vec<u8> {
        let mut deflater = Deflater::new(level);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        [deflater.compress(first), deflater.compress(second), deflater.finish()].concat()
    }

    fn inflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
        // A small buffer, so that members and their headers lie across its borders
        let mut stream = Inflated::new(BufReader::with_capacity(7, bytes))?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).map(|_| all)
    }

    /// Bytes that compress a little.
    fn contents() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0..4_u8, 0..300)
    }

    proptest! {
        #[test]
        fn members_come_back_one_after_the_other(
            members in prop::collection::vec(contents(), 1..4), level in 0..10_u32, padding in 0..20_usize,
        ) {
            let mut file: Vec<u8> = members.iter().flat_map(|bytes| packed(bytes, level)).collect();
            file.resize(file.len() + padding, 0);
            prop_assert_eq!(inflated(&file).expect("whole"), members.concat());
        }

        #[test]
        fn a_cut_stream_is_unexpected_eof(bytes in contents(), cut in any::<prop::sample::Index>()) {
            let file = packed(&bytes, 4);
            let kept = 2 + cut.index(file.len() - 2);
            prop_assert_eq!(inflated(&file[..kept]).expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
        }

        #[test]
        fn a_flipped_bit_never_changes_a_byte(
            bytes in contents(), place in any::<prop::sample::Index>(), bit in 0..8,
        ) {
            let mut file = packed(&bytes, 4);
            let place = 2 + place.index(file.len() - 2);
            file[place] ^= 1_u8 << bit;
            if let Ok(read) = inflated(&file) {
                prop_assert_eq!(read, bytes); // a bit that means nothing: a time, a system
            }
        }

        #[test]
        fn what_is_not_gzip_comes_as_it_is(bytes in contents()) {
            prop_assert_eq!(inflated(&bytes).expect("plain"), bytes);
        }
    }

    #[test]
    fn rubbish_behind_the_last_member_is_refused() {
        let file = [packed(b"voxels", 4), b"rubbish that is no gzip".to_vec()].concat();
        assert_eq!(inflated(&file).expect_err("rubbish").kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_wrong_checksum_is_found_though_all_bytes_were_read() {
        let mut file = packed(b"voxels", 4);
        let crc = file.len() - 8;
        file[crc] ^= 1;
        let mut stream = Inflated::new(&file[..]).expect("gzip");
        stream.read_exact(&mut [0; 6]).expect("the bytes are there");
        assert!(stream.check_rest(10).is_err());
    }

    #[test]
    fn what_is_behind_is_counted_up_to_a_limit() {
        let file = packed(b"voxels and more", 4);
        for bytes in [&file[..], b"voxels and more"] {
            for (spare, counted) in [(20, 9), (9, 9), (8, 9), (3, 4)] {
                let mut stream = Inflated::new(bytes).expect("whole");
                stream.read_exact(&mut [0; 6]).expect("the bytes are there");
                assert_eq!(stream.check_rest(spare).expect("whole"), counted);
            }
        }
    }
}
