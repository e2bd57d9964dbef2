//! Gzip streams (RFC 1952): inflated as they are read, with every checksum looked at, and deflated as they are written.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::ops::Range;
use std::path::Path;

use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bits::{BitReader, damaged};
use crate::inflate::Inflater;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The only method there is.
const DEFLATE: u8 = 8;
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// Bytes of a file, inflated if they are gzipped; what the file is called does not matter.
///
/// # Errors
/// What the system says if the file cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Inflated<File>> {
    Inflated::new(File::open(path)?)
}

/// A stream as it is or, if it begins as gzip does, all of its gzip members inflated one after the other.
///
/// A member that is damaged, whose checksum or length is wrong, and bytes behind the last one that are neither a member
/// nor zeros (padding), are errors of kind `InvalidData`; a stream that ends too early is `UnexpectedEof`. The bytes
/// just before an error may be lost, and after it there is nothing to read.
#[derive(Debug)]
pub struct Inflated<R> {
    input: BitReader<R>,
    state: State,
}

#[derive(Debug)]
enum State {
    Plain,
    Member(Box<Member>),
    End,
    Broken,
}

/// The gzip member that is being read; there is one after the other in it.
#[derive(Debug)]
struct Member {
    inflater: Inflater,
    crc: Hasher,
    /// Bytes so far, modulo 2^32 as a trailer has them.
    n_bytes: u32,
    /// What was inflated and not yet read.
    piece: Range<usize>,
}

impl<R: Read> Inflated<R> {
    /// Looks at the first bytes to see what the stream is.
    ///
    /// # Errors
    /// Those of the stream, or of a gzip header.
    pub fn new(stream: R) -> io::Result<Self> {
        let mut input = BitReader::new(stream);
        let mut state = State::Plain;
        if input.bytes()?.starts_with(&MAGIC) {
            let mut member =
                Member { inflater: Inflater::new(), crc: Hasher::new(), n_bytes: 0, piece: 0..0 };
            member.start(&mut input)?;
            state = State::Member(Box::new(member));
        }
        Ok(Self { input, state })
    }

    /// Reads on to the end (the checksum of a gzip member comes after its last byte), but at most one byte more
    /// than `spare`; gives how many there were.
    ///
    /// # Errors
    /// Damage that shows only there.
    pub fn check_rest(&mut self, spare: u64) -> io::Result<u64> {
        io::copy(&mut self.take(spare.saturating_add(1)), &mut io::sink())
    }
}

impl Member {
    /// Reads a header.
    fn start(&mut self, input: &mut BitReader<impl Read>) -> io::Result<()> {
        read_header(input)?;
        (self.crc, self.n_bytes) = (Hasher::new(), 0);
        self.inflater.start();
        Ok(())
    }

    /// Sees to it that there is something to read; tells if there is nothing more.
    fn inflate(&mut self, input: &mut BitReader<impl Read>) -> io::Result<bool> {
        while self.piece.is_empty() {
            self.piece = self.inflater.next_piece(input)?;
            self.crc.update(self.inflater.bytes(self.piece.clone()));
            self.n_bytes = self.n_bytes.wrapping_add(self.piece.len() as u32);
            if self.piece.is_empty() {
                self.check_trailer(input)?;
                if is_end(input)? {
                    return Ok(true);
                }
                self.start(input)?;
            }
        }
        Ok(false)
    }

    fn check_trailer(&self, input: &mut BitReader<impl Read>) -> io::Result<()> {
        input.align();
        let crc = u32::from_le_bytes(input.array()?);
        let n_bytes = u32::from_le_bytes(input.array()?);
        let is_right = crc == self.crc.clone().finalize() && n_bytes == self.n_bytes;
        if is_right { Ok(()) } else { Err(damaged("its checksum or its length is wrong")) }
    }
}

/// After a member: whether there is nothing more, or nothing but zeros.
fn is_end(input: &mut BitReader<impl Read>) -> io::Result<bool> {
    loop {
        let ahead = input.bytes()?;
        let n_zeros = ahead.iter().take_while(|&&byte| byte == 0).count();
        let (n_ahead, is_rest) = (ahead.len(), n_zeros < ahead.len());
        input.consume(n_zeros);
        if is_rest || n_ahead == 0 {
            return Ok(!is_rest);
        }
    }
}

/// Reads over the header of a member.
fn read_header(input: &mut BitReader<impl Read>) -> io::Result<()> {
    let fixed: [u8; 10] = input.array()?;
    let mut crc = Hasher::new();
    crc.update(&fixed);
    let [magic_0, magic_1, method, flags, ..] = fixed;
    if [magic_0, magic_1] != MAGIC {
        return Err(damaged("neither a member nor zeros follow a member"));
    }
    if method != DEFLATE || flags & RESERVED != 0 {
        return Err(damaged("a method or flags that no program uses"));
    }
    if flags & HAS_EXTRA != 0 {
        let n_bytes: [u8; 2] = input.array()?;
        crc.update(&n_bytes);
        for _ in 0..u16::from_le_bytes(n_bytes) {
            crc.update(&input.array::<1>()?);
        }
    }
    for _ in 0..(flags & (HAS_NAME | HAS_COMMENT)).count_ones() {
        loop {
            let byte: [u8; 1] = input.array()?;
            crc.update(&byte);
            if byte == [0] {
                break;
            }
        }
    }
    if flags & HAS_CRC != 0 && u16::from_le_bytes(input.array()?) != crc.finalize() as u16 {
        return Err(damaged("the checksum of its header is wrong"));
    }
    Ok(())
}

impl<R: Read> BufRead for Inflated<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { input, state } = self;
        if let State::Member(member) = state {
            match member.inflate(input) {
                Ok(false) => {}
                Ok(true) => *state = State::End,
                Err(error) => {
                    *state = State::Broken;
                    return Err(error);
                }
            }
        }
        match state {
            State::Plain => input.bytes(),
            State::Member(member) => Ok(member.inflater.bytes(member.piece.clone())),
            State::End => Ok(&[]),
            State::Broken => Err(damaged("nothing can be read after an error")),
        }
    }

    fn consume(&mut self, n: usize) {
        match &mut self.state {
            State::Plain => self.input.consume(n),
            State::Member(member) => member.piece.start += n,
            State::End | State::Broken => {}
        }
    }
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ahead = self.fill_buf()?;
        let n = ahead.len().min(out.len());
        out[..n].copy_from_slice(&ahead[..n]);
        self.consume(n);
        Ok(n)
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
        let mut stream = Inflated::new(bytes)?;
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
    fn all_that_a_header_may_have_is_read_over() {
        let mut header = vec![0x1f, 0x8b, 8, HAS_CRC | HAS_EXTRA | HAS_NAME | HAS_COMMENT, 1, 2, 3, 4, 2, 3];
        header.extend(*b"\x05\x00extraa name\0what it is\0");
        let crc = crc32fast::hash(&header) as u16;
        let rest = &packed(b"voxels", 4)[10..];
        let file = [&header, &crc.to_le_bytes()[..], rest].concat();
        assert_eq!(inflated(&file).expect("whole"), b"voxels");

        let wrong_crc = [&header, &(crc ^ 1).to_le_bytes()[..], rest].concat();
        assert_eq!(inflated(&wrong_crc).expect_err("crc").kind(), io::ErrorKind::InvalidData);
        for (place, value) in [(2, 7), (3, 1 << 5)] {
            let mut unknown = file.clone();
            unknown[place] = value; // a method, a flag that RFC 1952 does not know
            assert_eq!(inflated(&unknown).expect_err("unknown").kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn after_an_error_there_is_nothing_to_read() {
        let mut file = [packed(b"voxels", 4), packed(b"more", 4)].concat();
        file[packed(b"voxels", 4).len() - 8] ^= 1;
        let mut stream = Inflated::new(&file[..]).expect("gzip");
        let mut read = Vec::new();
        for _ in 0..2 {
            stream.read_to_end(&mut read).expect_err("a wrong checksum");
        }
        assert_eq!(read, b"voxels");
    }

    #[test]
    fn rubbish_behind_the_last_member_is_refused() {
        let file = [packed(b"voxels", 4), b"rubbish that is no gzip".to_vec()].concat();
        assert_eq!(inflated(&file).expect_err("rubbish").kind(), io::ErrorKind::InvalidData);
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
