//! Prefix codes of deflate streams (RFC 1951, section 3.2) as tables, looked up with the bits that come next.

/// Literals and lengths: 12 bits are looked up first, longer codes once more.
pub(crate) type LiteralTable = Table<{ 1 << 12 }>;
/// Distances.
pub(crate) type DistanceTable = Table<{ 1 << 9 }>;
/// Code lengths, whose codes have 7 bits at most.
pub(crate) type LengthTable = Table<{ 1 << 7 }>;

const LONGEST: usize = 15;
const MOST_SYMBOLS: usize = 288;

const END_OF_BLOCK: usize = 256;
const LENGTH_BASES: [u32; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
const LENGTH_EXTRA: [u32; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASES: [u32; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: [u32; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// What the next bits mean, in one word, so that few steps lie between one code and the next:
///
/// | bits | |
/// |---|---|
/// | 0-5 | how many bits are used up, extra bits included |
/// | 6 | whether it is a literal, or begins with one |
/// | 7 | whether it is, or ends with, a length or a distance |
/// | 8-11 | how many bits come before the extra bits |
/// | 12-26 | the smallest length (9 bits of them) or distance, to which the extra bits are added |
/// | 24-31 | the literal |
///
/// If it is neither (6 and 7 are 0), it is a link to a second table (31), the block's end (30), or no code at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(u32);

impl Entry {
    const INVALID: Self = Self(0);
    const LITERAL: u32 = 1 << 6;
    const VALUE: u32 = 1 << 7;
    const END: u32 = 1 << 30;
    const LINK: u32 = 1 << 31;

    /// Bits that are used up.
    #[inline(always)]
    pub(crate) fn n_bits(self) -> u32 {
        self.0 & 63
    }

    /// The same in the lowest six bits, as [`Bits::skip`](crate::bits::Bits::skip) takes it.
    #[inline(always)]
    pub(crate) fn skip(self) -> u32 {
        self.0
    }

    /// How many literals, 0 or 1.
    #[inline(always)]
    pub(crate) fn n_literals(self) -> usize {
        (self.0 >> 6 & 1) as usize
    }

    /// The literal; any byte if there is none.
    #[inline(always)]
    pub(crate) fn literal(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// A literal with no length behind it.
    #[inline(always)]
    pub(crate) fn is_only_literal(self) -> bool {
        self.0 & (Self::LITERAL | Self::VALUE) == Self::LITERAL
    }

    /// Whether there is a length or a distance.
    #[inline(always)]
    pub(crate) fn has_value(self) -> bool {
        self.0 & Self::VALUE != 0
    }

    /// Neither a literal nor a length nor a distance.
    #[inline(always)]
    pub(crate) fn is_rare(self) -> bool {
        self.0 & (Self::LITERAL | Self::VALUE) == 0
    }

    /// The end of the block.
    pub(crate) fn is_end(self) -> bool {
        self.is_rare() && self.0 & Self::END != 0
    }

    /// A length; `bits` are those that were looked up.
    #[inline(always)]
    pub(crate) fn length(self, bits: u64) -> usize {
        (self.0 >> 12 & 0x1ff) as usize + self.extra(bits)
    }

    /// A distance; `bits` are those that were looked up.
    #[inline(always)]
    pub(crate) fn distance(self, bits: u64) -> usize {
        (self.0 >> 12) as usize + self.extra(bits)
    }

    #[inline(always)]
    fn extra(self, bits: u64) -> usize {
        ((bits & ((1 << self.n_bits()) - 1)) >> (self.0 >> 8 & 15)) as usize
    }

    /// Where the second table begins, and how many bits it is looked up with.
    #[inline(always)]
    fn link(self) -> Option<(usize, u32)> {
        let is_link = self.is_rare() && self.0 & Self::LINK != 0;
        is_link.then_some(((self.0 >> 12 & 0xffff) as usize, self.0 >> 8 & 15))
    }

    fn linking(start: usize, n_bits: usize) -> Self {
        Self(Self::LINK | (start as u32) << 12 | (n_bits as u32) << 8)
    }

    /// The same behind a code, or a rest of one, of so many bits.
    fn after(self, n_bits: usize) -> Self {
        Self(self.0 + (n_bits as u32) * 0x101)
    }

    /// A length behind a literal of so many bits.
    fn after_literal(self, literal: Self, n_bits: usize) -> Self {
        Self(self.after(n_bits).0 | literal.0 & (0xff << 24 | Self::LITERAL))
    }

    /// The meaning of a symbol of the code of literals and lengths.
    pub(crate) fn of_literal_or_length(symbol: usize) -> Self {
        match symbol {
            0..END_OF_BLOCK => Self((symbol as u32) << 24 | Self::LITERAL),
            END_OF_BLOCK => Self(Self::END),
            _ => Self::of_value(&LENGTH_BASES, &LENGTH_EXTRA, symbol - END_OF_BLOCK - 1),
        }
    }

    /// The meaning of a symbol of the code of distances.
    pub(crate) fn of_distance(symbol: usize) -> Self {
        Self::of_value(&DISTANCE_BASES, &DISTANCE_EXTRA, symbol)
    }

    /// The meaning of a symbol of the code of code lengths: itself, as a length.
    pub(crate) fn of_code_length(symbol: usize) -> Self {
        Self((symbol as u32) << 12 | Self::VALUE)
    }

    fn of_value(bases: &[u32], extra: &[u32], symbol: usize) -> Self {
        bases.get(symbol).map_or(Self::INVALID, |base| Self(base << 12 | Self::VALUE | extra[symbol]))
    }
}

/// The table of one code; `SIZE`, a power of two, is that of the first look-up.
#[derive(Debug)]
pub(crate) struct Table<const SIZE: usize> {
    first: [Entry; SIZE],
    second: Vec<Entry>,
}

impl<const SIZE: usize> Table<SIZE> {
    /// How many bits the first look-up takes.
    pub(crate) const BITS: usize = SIZE.ilog2() as usize;

    /// A code without codes.
    pub(crate) fn new() -> Self {
        Self { first: [Entry::INVALID; SIZE], second: Vec::new() }
    }

    /// What the next bits mean, or a link to a second look-up.
    #[inline(always)]
    pub(crate) fn look(&self, bits: u64) -> Entry {
        self.first[bits as usize % SIZE]
    }

    /// What the next bits mean if `entry`, found by `look`, is a link; the entry itself if it is none.
    #[inline(always)]
    pub(crate) fn follow(&self, entry: Entry, bits: u64) -> Entry {
        let Some((start, n_bits)) = entry.link() else { return entry };
        self.second[start + (bits >> Self::BITS & ((1 << n_bits) - 1)) as usize]
    }

    /// Makes the table anew from the code length of each symbol (0: it has none).
    ///
    /// Tells whether they are a code: not more codes than there is room for, and not fewer, but for a single code of
    /// one bit or none at all, as streams with one distance or none have.
    pub(crate) fn set(&mut self, lengths: &[u8], meaning: impl Fn(usize) -> Entry) -> bool {
        let Some(sorted) = Sorted::of(lengths) else { return false };
        self.first[0] = Entry::INVALID;
        let mut pairs = Pairs::default();
        let mut code = 0;
        for n_bits in 1..=Self::BITS {
            // Looked up with one bit more, all codes so far are there twice
            let half = 1 << (n_bits - 1);
            self.first.copy_within(..half, half);
            for &symbol in sorted.of_length(n_bits) {
                let entry = meaning(symbol).after(n_bits);
                self.first[code] = entry;
                pairs.push(code, entry);
                code = next_code(code, n_bits);
            }
            pairs.end_length(n_bits);
            pairs.for_each(n_bits, |code, pair| self.first[code] = pair);
        }
        self.set_second(&sorted, code, meaning);
        true
    }

    /// Second tables for codes of more than `BITS` bits, one for each beginning that some of them share.
    fn set_second(&mut self, sorted: &Sorted, mut code: usize, meaning: impl Fn(usize) -> Entry) {
        self.second.clear();
        let (mut beginning, mut start) = (SIZE, 0);
        // As large as the longest code could need: some kB in all
        let n_rest = sorted.longest.saturating_sub(Self::BITS);
        for n_bits in Self::BITS + 1..=LONGEST {
            for &symbol in sorted.of_length(n_bits) {
                if code % SIZE != beginning {
                    (beginning, start) = (code % SIZE, self.second.len());
                    self.second.resize(start + (1 << n_rest), Entry::INVALID);
                    self.first[beginning] = Entry::linking(start, n_rest);
                }
                for place in (code / SIZE..1 << n_rest).step_by(1 << (n_bits - Self::BITS)) {
                    self.second[start + place] = meaning(symbol).after(n_bits);
                }
                code = next_code(code, n_bits);
            }
        }
    }
}

/// The code after this one of the same length. Codes count upwards from their first bit to their last, but the first
/// bit of a stream is the lowest of a word: they are kept, and counted, the other way round.
fn next_code(code: usize, n_bits: usize) -> usize {
    let zeros = !code & ((1 << n_bits) - 1);
    if zeros == 0 {
        return 0; // that was the last
    }
    let highest = 1 << zeros.ilog2();
    code & (highest - 1) | highest
}

/// Symbols by the length of their codes.
struct Sorted {
    symbols: [usize; MOST_SYMBOLS],
    starts: [usize; LONGEST + 2],
    longest: usize,
}

impl Sorted {
    fn of(lengths: &[u8]) -> Option<Self> {
        let mut starts = [0; LONGEST + 2];
        for &n_bits in lengths.iter().filter(|&&n_bits| n_bits > 0) {
            starts[usize::from(n_bits) + 1] += 1;
        }
        let longest = (1..=LONGEST).rev().find(|n_bits| starts[n_bits + 1] > 0).unwrap_or(0);
        let mut room = 1_usize;
        for n_bits in 1..=LONGEST {
            room = (2 * room).checked_sub(starts[n_bits + 1])?;
            starts[n_bits + 1] += starts[n_bits];
        }
        if room > 0 && longest > 1 {
            return None;
        }
        let (mut symbols, mut ends) = ([0; MOST_SYMBOLS], starts);
        for (symbol, &n_bits) in lengths.iter().enumerate().filter(|&(_, &n_bits)| n_bits > 0) {
            symbols[ends[usize::from(n_bits)]] = symbol;
            ends[usize::from(n_bits)] += 1;
        }
        Some(Self { symbols, starts, longest })
    }

    fn of_length(&self, n_bits: usize) -> &[usize] {
        &self.symbols[self.starts[n_bits]..self.starts[n_bits + 1]]
    }
}

/// Literals and the lengths behind them, if both codes are short enough to be looked up at once. In scans, most matches
/// come after one literal: a voxel's lower byte.
#[derive(Default)]
struct Pairs {
    literals: Vec<(usize, Entry)>,
    literal_ends: [usize; LONGEST + 1],
    lengths: Vec<(usize, Entry)>,
    length_ends: [usize; LONGEST + 1],
}

impl Pairs {
    fn push(&mut self, code: usize, entry: Entry) {
        if entry.n_literals() > 0 {
            self.literals.push((code, entry));
        } else if entry.has_value() {
            self.lengths.push((code, entry));
        }
    }

    fn end_length(&mut self, n_bits: usize) {
        self.literal_ends[n_bits] = self.literals.len();
        self.length_ends[n_bits] = self.lengths.len();
    }

    /// All pairs that have so many bits together.
    fn for_each(&self, n_bits: usize, mut set: impl FnMut(usize, Entry)) {
        for n_first in 1..n_bits {
            let n_second = n_bits - n_first;
            let literals = &self.literals[self.literal_ends[n_first - 1]..self.literal_ends[n_first]];
            let lengths = &self.lengths[self.length_ends[n_second - 1]..self.length_ends[n_second]];
            for &(length_code, length) in lengths {
                for &(literal_code, literal) in literals {
                    set(length_code << n_first | literal_code, length.after_literal(literal, n_first));
                }
            }
        }
    }
}
