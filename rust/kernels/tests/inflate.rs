//! Our inflater beside flate2's: the same bytes out of each stream that is one, and an error for each that is none.

use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc, FlushCompress};
use lite_ensam_kernels::Inflated;
use proptest::prelude::*;

/// A gzip member of a deflate stream.
fn member(deflated: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&header, deflated, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

fn inflated(file: impl Read) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    Inflated::new(file)?.read_to_end(&mut all).map(|_| all)
}

/// The slow twin: the bytes of a deflate stream and how long it is, or nothing if it is damaged or ends too early.
fn reference(stream: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut decoder = DeflateDecoder::new(stream);
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).ok()?;
    Some((bytes, decoder.total_in() as usize))
}

fn deflated(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    io::Write::write_all(&mut encoder, bytes).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

/// One part of what is to be packed: bytes of few or many values, or a pattern again and again.
#[derive(Debug, Clone)]
enum Part {
    Noise { n_values: u64, seed: u64, n: usize },
    Skewed { seed: u64, n: usize },
    Pattern { bytes: Vec<u8>, n: usize },
}

impl Part {
    fn write(&self, into: &mut Vec<u8>) {
        let mut noise = |seed: u64, n: usize, value: &dyn Fn(u64) -> u8| {
            let mut state = seed | 1;
            into.extend((0..n).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                value(state >> 11)
            }));
        };
        match self {
            Self::Noise { n_values, seed, n } => noise(*seed, *n, &|v| (v % n_values) as u8),
            // Each value half as often as the one before: codes of all lengths
            Self::Skewed { seed, n } => noise(*seed, *n, &|v| v.trailing_ones() as u8 * 7),
            Self::Pattern { bytes, n } => into.extend(bytes.iter().cycle().take(*n)),
        }
    }
}

/// Up to `longest` bytes in some parts; buffers, windows and matches end in the midst of long ones.
fn contents(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let n = 0..longest / 6;
    let part = prop_oneof![
        (1..257_u64, any::<u64>(), n.clone()).prop_map(|(n_values, seed, n)| Part::Noise { n_values, seed, n }),
        (any::<u64>(), n.clone()).prop_map(|(seed, n)| Part::Skewed { seed, n }),
        (prop::collection::vec(any::<u8>(), 1..40), n).prop_map(|(bytes, n)| Part::Pattern { bytes, n }),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| {
        let mut bytes = Vec::new();
        parts.iter().for_each(|part| part.write(&mut bytes));
        bytes
    })
}

/// A stream that gives a few bytes at a time, as a pipe may.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 1021 + 1;
        let n = self.1.min(out.len());
        self.0.read(&mut out[..n])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn long_streams_come_back(bytes in contents(1_500_000), level in 0..10_u32, step in 0..1021_usize) {
        let file = member(&deflated(&bytes, level), &bytes);
        prop_assert!(inflated(Trickle(&file, step)).expect("whole") == bytes);
    }

    #[test]
    fn a_long_stream_that_is_cut_ends_too_early(
        bytes in contents(600_000), level in 0..10_u32, cut in any::<prop::sample::Index>(),
    ) {
        let file = member(&deflated(&bytes, level), &bytes);
        let file = &file[..2 + cut.index(file.len() - 2)];
        prop_assert_eq!(inflated(file).expect_err("cut").kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn blocks_of_all_kinds_may_follow_each_other(
        parts in prop::collection::vec((contents(20_000), 0..10_u32, any::<bool>()), 1..6),
    ) {
        let mut file = Vec::new();
        let mut all = Vec::new();
        for (bytes, level, is_full) in &parts {
            // without the last block: what is flushed ends at a whole byte, in an empty stored block
            let mut compress = flate2::Compress::new(Compression::new(*level), false);
            let flush = if *is_full { FlushCompress::Full } else { FlushCompress::Sync };
            let start = file.len();
            file.reserve(2 * bytes.len() + 1000);
            compress.compress_vec(bytes, &mut file, flush).expect("room enough");
            prop_assert!(file.len() > start);
            all.extend(bytes);
        }
        file.extend(deflated(b"the end", 6));
        all.extend(b"the end");
        prop_assert!(inflated(&member(&file, &all)[..]).expect("whole") == all);
    }
}

/// Bytes that may be a deflate stream: a changed one, one with any codes that are fixed beforehand, or anything.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let rest = prop::collection::vec(any::<u8>(), 0..400);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 0..4);
    prop_oneof![
        (contents(3000), 1..10_u32, changes, rest.clone()).prop_map(|(bytes, level, changes, more)| {
            let mut stream = deflated(&bytes, level);
            for (place, bit) in changes {
                // Mostly in the header, where it says what the codes are
                let n = stream.len().min(if bit < 5 { 100 } else { usize::MAX });
                stream[place.index(n)] ^= 1 << bit;
            }
            stream.extend(more);
            stream
        }),
        (rest.clone(), any::<bool>(), 0..40_usize).prop_map(|(bytes, is_last, n_zeros)| {
            let mut stream = deflated(&[1, 2, 3, 4].repeat(30), 0);
            stream[0] = 0; // a stored block that is not the last
            stream.extend(bytes);
            if let Some(byte) = stream.get_mut(125) {
                *byte = *byte & !7 | 2 | u8::from(is_last);
            }
            stream.extend(vec![0; n_zeros]);
            stream
        }),
        rest,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_stream_is_inflated_as_by_its_twin(stream in streams()) {
        match reference(&stream) {
            Some((bytes, n)) => prop_assert_eq!(inflated(&member(&stream[..n], &bytes)[..]).expect("a stream"), bytes),
            None => {
                let file = member(&stream, &[]);
                prop_assert!(inflated(&file[..file.len() - 8]).is_err());
            }
        }
    }
}
