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

/// The slow twin: the bytes of a deflate stream and how long it is, or what is wrong.
fn reference(stream: &[u8]) -> io::Result<(Vec<u8>, usize)> {
    let mut decoder = DeflateDecoder::new(stream);
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes)?;
    Ok((bytes, decoder.total_in() as usize))
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
        (1..257_u64, any::<u64>(), n.clone()).prop_map(|(n_values, seed, n)| Part::Noise {
            n_values,
            seed,
            n
        }),
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

/// Bits one after the other, each byte's lowest first.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    n_bits: usize,
}

impl BitWriter {
    fn put(&mut self, value: usize, n_bits: usize) {
        for place in 0..n_bits {
            if self.n_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().expect("just made") |= ((value >> place & 1) as u8) << (self.n_bits % 8);
            self.n_bits += 1;
        }
    }
}

/// Lengths of the codes of so many symbols, which are a code: a tree whose leaves are split as `choices` say.
fn code(n_symbols: usize, choices: &[prop::sample::Index]) -> Vec<usize> {
    let mut leaves = vec![0; usize::from(!choices.is_empty())];
    for choice in choices.iter().take(n_symbols - 1) {
        let leaf = choice.index(leaves.len());
        if leaves[leaf] < 15 {
            leaves[leaf] += 1;
            leaves.push(leaves[leaf]);
        }
    }
    if leaves == [0] {
        leaves[0] = 1; // one symbol alone
    }
    // The symbols in between have no code
    let mut lengths = vec![0; n_symbols];
    let step = n_symbols / leaves.len().max(1);
    leaves
        .iter()
        .rev()
        .enumerate()
        .for_each(|(symbol, &n_bits)| lengths[n_symbols - 1 - symbol * step] = n_bits);
    lengths
}

/// A block with codes of its own, as RFC 1951 3.2.7 has it; `change` makes one length wrong.
fn dynamic_block(
    (n_literals, n_distances): (usize, usize),
    (literals, distances): (Vec<prop::sample::Index>, Vec<prop::sample::Index>),
    change: Option<(prop::sample::Index, usize)>,
    begins_with_repeat: bool,
) -> BitWriter {
    let mut bits = BitWriter::default();
    bits.put(0b101, 3);
    bits.put(n_literals - 257, 5);
    bits.put(n_distances - 1, 5);
    bits.put(15, 4);
    // The code of lengths: 13 symbols of 4 bits, 6 of 5
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
        bits.put(if symbol < 13 { 4 } else { 5 }, 3);
    }
    let mut put_symbol = |symbol: usize| {
        let (code, n_bits) = if symbol < 13 { (symbol, 4) } else { (symbol + 13, 5) };
        (0..n_bits).rev().for_each(|place| bits.put(code >> place & 1, 1));
    };
    let mut lengths = [code(n_literals, &literals), code(n_distances, &distances)].concat();
    if let Some((place, n_bits)) = change {
        let n = lengths.len();
        lengths[place.index(n)] = n_bits;
    }
    if begins_with_repeat {
        put_symbol(16);
    }
    lengths.iter().for_each(|&n_bits| put_symbol(n_bits));
    bits
}

/// Bytes as they are: a few, or as many as a match may reach back.
fn stored_block(is_long: bool) -> Vec<u8> {
    let n = if is_long { 33_000_u16 } else { 100 };
    let bytes = (0..n).map(|v| (v ^ v >> 7) as u8);
    [0].into_iter().chain(n.to_le_bytes()).chain((!n).to_le_bytes()).chain(bytes).collect()
}

/// Bytes that may be a deflate stream: a changed one; any bits after a block's header, in its own codes or in those
/// that are fixed beforehand; any bytes.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let rest = prop::collection::vec(any::<u8>(), 0..400);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 0..4);
    let choices = |n: usize| prop::collection::vec(any::<prop::sample::Index>(), 0..n);
    let change = prop::option::weighted(0.2, (any::<prop::sample::Index>(), 0..16_usize));
    prop_oneof![
        2 => (contents(3000), 0..10_u32, changes, rest.clone()).prop_map(|(bytes, level, changes, more)| {
            let mut stream = deflated(&bytes, level);
            for (place, bit) in changes {
                // Mostly in the header, where it says what the codes are
                let n = stream.len().min(if bit < 5 { 100 } else { usize::MAX });
                stream[place.index(n)] ^= 1 << bit;
            }
            stream.extend(more);
            stream
        }),
        1 => (rest.clone(), any::<bool>(), 0..40_usize).prop_map(|(bytes, is_last, n_zeros)| {
            let mut bits = BitWriter::default();
            bits.put(2 | usize::from(is_last), 3);
            bytes.iter().for_each(|&byte| bits.put(byte.into(), 8));
            [stored_block(is_last), bits.bytes, vec![0; n_zeros]].concat()
        }),
        3 => (
            (prop_oneof![20 => 257..287_usize, 1 => 287..289_usize], prop_oneof![20 => 1..31_usize, 1 => 31..33_usize]),
            (choices(300), choices(33)), change, prop::bool::weighted(0.05), rest.clone(),
        ).prop_map(|(sizes, trees, change, begins_with_repeat, bytes)| {
            let mut bits = dynamic_block(sizes, trees, change, begins_with_repeat);
            bytes.iter().for_each(|&byte| bits.put(byte.into(), 8));
            [stored_block(sizes.0 % 4 > 0), bits.bytes].concat()
        }),
        1 => rest,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_stream_is_inflated_as_by_its_twin(stream in streams()) {
        match reference(&stream) {
            Ok((bytes, n)) => {
                prop_assert_eq!(inflated(&member(&stream[..n], &bytes)[..]).expect("a stream"), bytes);
            }
            Err(error) => {
                // If our inflater took it for a whole stream, the checksum behind it would be what is wrong
                let is_short = error.kind() == io::ErrorKind::UnexpectedEof;
                let behind = vec![0; if is_short { 0 } else { 72 }];
                let file = [&member(&[], &[])[..10], &stream, &behind].concat();
                let ours = inflated(&file[..]).expect_err("short or damaged").to_string();
                prop_assert!(!ours.contains("checksum"), "{}", ours);
            }
        }
    }
}
