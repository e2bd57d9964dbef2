//! Gzip streams (RFC 1952): inflated as they are read, with every checksum looked at, and deflated as they are written.

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
            if ahead[zeros] != MAGIC[0] {
                // Said here, because flate2 calls fewer bytes than a header has a stream that is cut
                let problem = "neither a gzip member nor zeros follow the last member";
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
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
    use flate2::{Compress, Crc, FlushCompress};
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
        let mut crc = Crc::new();
        crc.update(bytes);
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        [&header, deflated, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
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
        let mut crc = Crc::new();
        crc.update(&header);
        let crc = crc.sum() as u16;
        let rest = &packed(b"voxels", 4)[10..];
        let file = [&header, &crc.to_le_bytes()[..], rest].concat();
        assert_eq!(inflated(&file).expect("whole"), b"voxels");

        let wrong_crc = [&header, &(crc ^ 1).to_le_bytes()[..], rest].concat();
        assert_eq!(inflated(&wrong_crc).expect_err("crc").kind(), io::ErrorKind::InvalidInput);
        for (place, value) in [(2, 7), (3, 1 << 5)] {
            let mut unknown = file.clone();
            unknown[place] = value; // a method, a flag that RFC 1952 does not know
            assert_eq!(inflated(&unknown).expect_err("unknown").kind(), io::ErrorKind::InvalidInput);
        }
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
