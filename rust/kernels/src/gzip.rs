//! Gzip streams (RFC 1952): inflated as they are read, with every checksum looked at, and deflated as they are written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};

/// Bytes that are read from a file at a time; it decides on speed alone.
const BUFFER: usize = 1 << 18;
/// RFC 1952, 2.3.1.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Magic, method, no flags, no time, neither best nor fastest, system unknown (RFC 1952, 2.3).
const HEADER: [u8; 10] = [MAGIC[0], MAGIC[1], 8, 0, 0, 0, 0, 0, 0, 255];

/// Bytes of a file's name or of a comment.
const LONGEST_TEXT: u64 = 1 << 16;

/// Bytes of a file, inflated if they are gzipped; what the file is called does not matter.
///
/// # Errors
/// What the system says if the file cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Inflated<BufReader<File>>> {
    Inflated::new(BufReader::with_capacity(BUFFER, File::open(path)?))
}

/// A stream as it is or, if it begins as gzip does, all of its gzip members inflated one after the other.
///
/// A member whose header, checksum or length is wrong, and bytes behind the last one that are neither a member nor
/// zeros (padding), are errors of kind `InvalidInput` or `InvalidData`; a stream that ends too early is
/// `UnexpectedEof`.
#[derive(Debug)]
pub struct Inflated<R>(State<R>);

#[derive(Debug)]
enum State<R> {
    Plain(R),
    Member(Box<Member<R>>),
    End,
}

/// Flate2's own gzip reader takes the checksum of zlib-rs, which is 15 times slower than crc32fast.
#[derive(Debug)]
struct Member<R> {
    deflated: DeflateDecoder<R>,
    crc: Hasher,
    n_bytes: u32,
}

impl<R: BufRead> Member<R> {
    fn new(mut stream: R) -> io::Result<Self> {
        skip_header(&mut stream)?;
        Ok(Self { deflated: DeflateDecoder::new(stream), crc: Hasher::new(), n_bytes: 0 })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.deflated.read(out)?;
        self.crc.update(&out[..n]);
        self.n_bytes = self.n_bytes.wrapping_add(n as u32);
        Ok(n)
    }

    /// What comes behind the member, if the checksum and the length are right.
    fn into_rest(self) -> io::Result<R> {
        let mut stream = self.deflated.into_inner();
        let mut trailer = [0; 8];
        stream.read_exact(&mut trailer)?;
        if trailer[..4] != self.crc.finalize().to_le_bytes() || trailer[4..] != self.n_bytes.to_le_bytes() {
            return Err(wrong("the checksum or the length of a gzip member is wrong"));
        }
        Ok(stream)
    }
}

/// Reads over what a member says of itself (RFC 1952, 2.3).
fn skip_header(stream: &mut impl BufRead) -> io::Result<()> {
    const HAS_CRC: u8 = 1 << 1;
    const HAS_EXTRA: u8 = 1 << 2;
    const HAS_NAME: u8 = 1 << 3;
    const HAS_COMMENT: u8 = 1 << 4;
    const UNKNOWN: u8 = 0xe0;
    let mut header = Vec::new();
    append(stream, 10, &mut header)?;
    let flags = header[3];
    if header[..3] != HEADER[..3] || flags & UNKNOWN != 0 {
        return Err(wrong("the header of a gzip member is wrong"));
    }
    if flags & HAS_EXTRA != 0 {
        append(stream, 2, &mut header)?;
        append(stream, u16::from_le_bytes([header[10], header[11]]).into(), &mut header)?;
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 && stream.take(LONGEST_TEXT).read_until(0, &mut header)? as u64 == LONGEST_TEXT {
            return Err(wrong("the header of a gzip member is longer than can be meant"));
        }
    }
    if flags & HAS_CRC != 0 {
        let crc = crc32fast::hash(&header) as u16;
        append(stream, 2, &mut header)?;
        if !header.ends_with(&crc.to_le_bytes()) {
            return Err(wrong("the checksum of the header of a gzip member is wrong"));
        }
    }
    Ok(())
}

fn append(stream: &mut impl Read, n: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    out.resize(start + n, 0);
    stream.read_exact(&mut out[start..])
}

fn wrong(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl<R: BufRead> Inflated<R> {
    /// Looks at the first bytes to see what the stream is.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn new(mut stream: R) -> io::Result<Self> {
        let gzipped = stream.fill_buf()?.starts_with(&MAGIC);
        Ok(Self(if gzipped { State::Member(Box::new(Member::new(stream)?)) } else { State::Plain(stream) }))
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
            if ahead[zeros] != MAGIC[0] {
                // Said here: fewer bytes than a header has would be a stream that is cut
                return Err(wrong("neither a gzip member nor zeros follow the last member"));
            }
            stream.consume(zeros);
            return Ok(State::Member(Box::new(Member::new(stream)?)));
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
                self.0 = Self::next_member(member.into_rest()?)?;
            }
        }
    }
}

/// A gzip stream without name and time (the same bytes in, the same bytes out) that hands over what is ready.
///
/// Most slices of a label map hold nothing. A run of zeros is deflated once and then copied, which
/// combining checksums makes possible: 150 empty slices take less than 1 ms instead of 27.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
    crc: Hasher,
    n_bytes: u32,
    ready: Vec<u8>,
    at_whole_byte: bool,
    level: Compression,
    zeros: Zeros,
}

/// A run of zeros as a part of any deflate stream: it ends at a whole byte and refers to nothing before it.
#[derive(Debug, Default)]
struct Zeros {
    n_bytes: u32,
    crc: Hasher,
    deflated: Vec<u8>,
}

impl Deflater {
    /// `level` 0 (stored) to 9 (smallest).
    pub fn new(level: u32) -> Self {
        let level = Compression::new(level.min(9));
        Self {
            stream: Compress::new(level, false),
            crc: Hasher::new(),
            n_bytes: 0,
            ready: HEADER.to_vec(),
            at_whole_byte: true,
            level,
            zeros: Zeros::default(),
        }
    }

    /// Takes bytes in; gives those of the compressed stream that are ready.
    pub fn compress(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.crc.update(bytes);
        self.n_bytes = self.n_bytes.wrapping_add(bytes.len() as u32);
        deflate(&mut self.stream, bytes, FlushCompress::None, &mut self.ready);
        self.at_whole_byte &= bytes.is_empty();
        std::mem::take(&mut self.ready)
    }

    /// Takes in `n` zeros; otherwise as [`Self::compress`].
    ///
    /// Fast where all calls ask for the same number, and that is below 4 GiB.
    pub fn compress_zeros(&mut self, n: u32) -> Vec<u8> {
        if self.zeros.n_bytes != n {
            self.zeros = Zeros { n_bytes: n, ..Zeros::default() };
            let bytes = vec![0; n as usize];
            self.zeros.crc.update(&bytes);
            let mut stream = Compress::new(self.level, false);
            deflate(&mut stream, &bytes, FlushCompress::Full, &mut self.zeros.deflated);
        }
        if !self.at_whole_byte {
            // What follows the zeros must not refer to what was before them
            deflate(&mut self.stream, &[], FlushCompress::Full, &mut self.ready);
            self.at_whole_byte = true;
        }
        self.crc.combine(&self.zeros.crc);
        self.n_bytes = self.n_bytes.wrapping_add(n);
        self.ready.extend(&self.zeros.deflated);
        std::mem::take(&mut self.ready)
    }

    /// The end of the stream.
    pub fn finish(mut self) -> Vec<u8> {
        deflate(&mut self.stream, &[], FlushCompress::Finish, &mut self.ready);
        self.ready.extend(self.crc.finalize().to_le_bytes());
        self.ready.extend(self.n_bytes.to_le_bytes());
        self.ready
    }
}

/// Appends to `out` what `stream` has ready.
fn deflate(stream: &mut Compress, mut bytes: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    loop {
        out.reserve(1 << 15); // zlib asks for more than 6 bytes, or it may end a part twice
        let taken = stream.total_in();
        stream.compress_vec(bytes, out, flush).expect("a stream that is not finished takes all bytes");
        bytes = &bytes[(stream.total_in() - taken) as usize..];
        if bytes.is_empty() && out.len() < out.capacity() {
            return;
        }
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

    /// More bytes than all buffers on the way hold: noise of few or many values, then a pattern again and again.
    fn long_contents(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        let pattern = prop::collection::vec(any::<u8>(), 1..40);
        (1..257_u64, 1..u64::MAX, 0..longest / 2, pattern, 0..longest / 2).prop_map(
            |(n_values, mut state, n_noise, pattern, n_repeated)| {
                let noise = std::iter::repeat_with(|| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    ((state >> 11) % n_values) as u8
                });
                noise.take(n_noise).chain(pattern.into_iter().cycle().take(n_repeated)).collect()
            },
        )
    }

    /// A member with the shortest header around a deflate stream.
    fn member(deflated: &[u8], bytes: &[u8]) -> Vec<u8> {
        let n_bytes = bytes.len() as u32;
        [&HEADER, deflated, &crc32fast::hash(bytes).to_le_bytes(), &n_bytes.to_le_bytes()].concat()
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
        fn zeros_are_bytes_like_others(
            parts in prop::collection::vec((contents(), prop::sample::select(vec![0_u32, 1, 7, 40_000])), 0..5),
            level in 0..10_u32,
        ) {
            let (mut deflater, mut file, mut bytes) = (Deflater::new(level), Vec::new(), Vec::new());
            for (part, n_zeros) in parts {
                file.extend(deflater.compress(&part));
                file.extend(deflater.compress_zeros(n_zeros));
                bytes.extend(part);
                bytes.resize(bytes.len() + n_zeros as usize, 0);
            }
            file.extend(deflater.finish());
            prop_assert!(inflated(&file).expect("whole") == bytes);
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

        #[test]
        fn damage_of_any_kind_is_an_error_that_bindings_know(
            bytes in contents(), level in 0..10_u32, rest in prop::collection::vec(any::<u8>(), 0..50),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        ) {
            let mut file = packed(&bytes, level);
            for (place, byte) in changes {
                let n = file.len().min(40); // where a member says what it is and what its codes are
                file[2 + place.index(n - 2)] = byte;
            }
            file.extend(rest);
            let known = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidInput, io::ErrorKind::InvalidData];
            match inflated(&file) {
                Ok(read) => prop_assert_eq!(read, bytes),
                Err(error) => prop_assert!(known.contains(&error.kind()), "{:?}", error),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn long_streams_come_back(bytes in long_contents(600_000), level in 0..10_u32) {
            let file = packed(&bytes, level);
            prop_assert!(inflated(&file).expect("whole") == bytes);
        }

        #[test]
        fn a_long_stream_that_is_cut_is_unexpected_eof(
            bytes in long_contents(300_000), level in 0..10_u32, cut in any::<prop::sample::Index>(),
        ) {
            let file = packed(&bytes, level);
            let kept = 2 + cut.index(file.len() - 2);
            prop_assert_eq!(inflated(&file[..kept]).expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
        }

        #[test]
        fn blocks_of_all_kinds_may_follow_each_other(
            parts in prop::collection::vec((long_contents(20_000), 0..10_u32, any::<bool>()), 1..6),
        ) {
            let mut deflated = Vec::new();
            for (bytes, level, is_full) in &parts {
                // A flush ends in an empty stored block, at a whole byte: parallel compressors join parts so
                let flush = if *is_full { FlushCompress::Full } else { FlushCompress::Sync };
                deflated.reserve(2 * bytes.len() + 1000);
                let mut compress = Compress::new(Compression::new(*level), false);
                compress.compress_vec(bytes, &mut deflated, flush).expect("room enough");
            }
            deflated.extend([3, 0]); // an empty last block
            let bytes = parts.into_iter().flat_map(|(bytes, ..)| bytes).collect::<Vec<_>>();
            prop_assert!(inflated(&member(&deflated, &bytes)).expect("whole") == bytes);
        }
    }

    #[test]
    fn all_that_a_header_may_have_is_read_over() {
        // Flags: checksum of the header, extra bytes, name, comment
        let mut header = vec![0x1f, 0x8b, 8, 0b1_1110, 1, 2, 3, 4, 2, 3];
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
    fn a_header_that_never_ends_is_refused() {
        let mut file = HEADER.to_vec();
        file[3] = 1 << 3; // a name
        file.resize(1 << 20, b'n');
        assert_eq!(inflated(&file).expect_err("long").kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_bomb_is_not_inflated_beyond_the_limit() {
        let bomb = packed(&vec![0; 2_000_000], 9);
        let mut unread = &bomb[..];
        let mut stream = Inflated::new(&mut unread).expect("gzip");
        assert_eq!(stream.check_rest(10).expect("zeros"), 11);
        assert!(unread.len() > bomb.len() / 2);
    }

    #[test]
    fn rubbish_behind_the_last_member_is_refused_however_short() {
        for rubbish in [&b"x"[..], b"\0\0x", b"rubbish that is no gzip"] {
            let error = inflated(&[&packed(b"voxels", 4), rubbish].concat()).expect_err("rubbish");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains("follow the last member"));
        }
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
