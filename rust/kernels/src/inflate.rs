//! Deflate streams (RFC 1951), inflated piece by piece. Reading a scan is little else, so this is written for speed:
//! `docs/decisions/0014-own-inflater.md` says how much is gained, and beside what.

use std::io::{self, Read};
use std::ops::Range;

use fearless_simd::{Level, dispatch};

use crate::bits::{BitReader, damaged};
use crate::prefix_codes::{DistanceTable, Entry, LengthTable, LiteralTable};

/// As far back as a match may reach.
const HISTORY: usize = 1 << 15;
/// Bytes that are inflated at a time, or a few more: a match that begins before is finished.
const PIECE: usize = 1 << 17;
const FULL: usize = HISTORY + PIECE;
/// Three literals and the longest match, and what its last copy may write too much.
const WINDOW: usize = FULL + 3 + 258 + 16;

/// By distance, what makes of a pattern a word of patterns, and how many bytes of it are whole ones.
const REPEAT: [u64; 8] = [
    0,
    0x0101_0101_0101_0101,
    0x0001_0001_0001_0001,
    0x0001_0000_0100_0001,
    0x0001_0000_0001,
    0x0100_0000_0001,
    1,
    1,
];
const STEP: [usize; 8] = [0, 8, 8, 6, 8, 5, 6, 7];

/// The order in which a header gives the lengths of the code of code lengths.
const LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Where in a deflate stream we are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Header,
    Stored { n_left: usize },
    Codes,
    End,
}

/// Inflates one deflate stream after the other.
#[derive(Debug)]
pub(crate) struct Inflater {
    /// What was inflated last, up to `end`: history and the newest piece.
    window: Vec<u8>,
    end: usize,
    place: Place,
    is_last: bool,
    literals: LiteralTable,
    distances: DistanceTable,
    lengths: LengthTable,
    level: Level,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            window: vec![0; WINDOW],
            end: 0,
            place: Place::End,
            is_last: true,
            literals: LiteralTable::new(),
            distances: DistanceTable::new(),
            lengths: LengthTable::new(),
            level: Level::new(),
        }
    }

    /// Begins a stream, which knows nothing of those before.
    pub(crate) fn start(&mut self) {
        (self.end, self.place) = (0, Place::Header);
    }

    /// Bytes of a piece.
    pub(crate) fn bytes(&self, piece: Range<usize>) -> &[u8] {
        &self.window[piece]
    }

    /// Inflates the next piece, which is empty at the stream's end only; `input` is then behind its last bit.
    pub(crate) fn next_piece(&mut self, input: &mut BitReader<impl Read>) -> io::Result<Range<usize>> {
        let history = self.end.min(HISTORY);
        self.window.copy_within(self.end - history..self.end, 0);
        self.end = history;
        while self.end < FULL {
            input.read_ahead()?;
            match self.place {
                Place::Header => self.place = self.read_header(input)?,
                Place::Stored { n_left: 0 } => self.place = self.next_block(),
                Place::Stored { n_left } => {
                    let n = self.copy_stored(input, n_left)?;
                    self.place = Place::Stored { n_left: n_left - n };
                }
                Place::Codes => {
                    let level = self.level;
                    // Compiled once more for CPUs that shift in one step
                    let is_end = dispatch!(level, _simd => self.decode(input))?;
                    input.check_end()?;
                    if is_end {
                        self.place = self.next_block();
                    }
                }
                Place::End => break,
            }
        }
        Ok(history..self.end)
    }

    fn next_block(&self) -> Place {
        if self.is_last { Place::End } else { Place::Header }
    }

    fn copy_stored(&mut self, input: &mut BitReader<impl Read>, n_left: usize) -> io::Result<usize> {
        let bytes = input.bytes()?;
        let n = n_left.min(bytes.len()).min(FULL - self.end);
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.window[self.end..self.end + n].copy_from_slice(&bytes[..n]);
        self.end += n;
        input.consume(n);
        Ok(n)
    }

    fn read_header(&mut self, input: &mut BitReader<impl Read>) -> io::Result<Place> {
        self.is_last = input.take(1)? == 1;
        match input.take(2)? {
            0 => {
                input.align();
                let (n, inverted) = (input.take(16)?, input.take(16)?);
                input.align();
                if n != !inverted & 0xffff {
                    return Err(damaged("a stored block of two lengths"));
                }
                Ok(Place::Stored { n_left: n })
            }
            1 => {
                let mut lengths = [8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                self.set_codes(&lengths, &[5; 32])?;
                Ok(Place::Codes)
            }
            2 => {
                let (n_literals, n_distances) = (257 + input.take(5)?, 1 + input.take(5)?);
                if n_literals > 286 || n_distances > 30 {
                    return Err(damaged("more codes than there are symbols"));
                }
                let mut lengths = [0; 286 + 30];
                let lengths = &mut lengths[..n_literals + n_distances];
                self.read_lengths(input, lengths)?;
                let (literals, distances) = lengths.split_at(n_literals);
                self.set_codes(literals, distances)?;
                Ok(Place::Codes)
            }
            _ => Err(damaged("a block of no known kind")),
        }
    }

    fn set_codes(&mut self, literals: &[u8], distances: &[u8]) -> io::Result<()> {
        let are_codes = self.literals.set(literals, Entry::of_literal_or_length)
            && self.distances.set(distances, Entry::of_distance);
        if are_codes { Ok(()) } else { Err(damaged("lengths of codes that are no code")) }
    }

    /// The lengths of a block's codes, which are in a code themselves.
    fn read_lengths(&mut self, input: &mut BitReader<impl Read>, lengths: &mut [u8]) -> io::Result<()> {
        let mut own = [0; 19];
        let n_own = 4 + input.take(4)?;
        for &symbol in &LENGTH_ORDER[..n_own] {
            own[symbol] = input.take(3)? as u8;
        }
        if !self.lengths.set(&own, Entry::of_code_length) {
            return Err(damaged("lengths of a code of lengths that are no code"));
        }
        let mut n_read = 0;
        while n_read < lengths.len() {
            let bits = input.peek(LengthTable::BITS as u32);
            let entry = self.lengths.look(bits);
            if entry.is_rare() {
                return Err(input.bad_code("a length without a meaning"));
            }
            input.take(entry.n_bits())?;
            let (length, times) = match entry.length(bits) {
                16 if n_read == 0 => return Err(damaged("a repeated length without a first")),
                16 => (lengths[n_read - 1], 3 + input.take(2)?),
                17 => (0, 3 + input.take(3)?),
                18 => (0, 11 + input.take(7)?),
                length => (length as u8, 1),
            };
            let run = lengths.get_mut(n_read..n_read + times);
            run.ok_or_else(|| damaged("a length that is repeated too often"))?.fill(length);
            n_read += times;
        }
        Ok(())
    }

    /// Literals and matches, until the block ends, which it tells, the window is full, or the buffer nearly read.
    ///
    /// Where a code begins is known only when the one before was looked up: what counts is how few steps lie between
    /// two look-ups.
    #[inline(always)]
    fn decode(&mut self, input: &mut BitReader<impl Read>) -> io::Result<bool> {
        let window: &mut [u8; WINDOW] = self.window.first_chunk_mut().expect("made so long");
        let (literals, distances) = (&self.literals, &self.distances);
        let (buffer, mut next, limit, mut bits) = input.suspend();
        let mut end = self.end;
        let mut is_end = false;
        let mut wrong = None;
        while end < FULL && next <= limit {
            bits.refill(buffer, &mut next);
            // 56 bits are enough for three looks at 12 bits; then again for a length of 20 and a distance of 28
            let mut entry = literals.look(bits.word());
            if entry.is_only_literal() {
                for _ in 0..2 {
                    bits.skip(entry.skip());
                    window[end] = entry.literal();
                    end += 1;
                    entry = literals.look(bits.word());
                    if !entry.is_only_literal() {
                        break;
                    }
                }
                bits.refill(buffer, &mut next);
            }
            if entry.is_rare() {
                entry = literals.follow(entry, bits.word());
                if entry.is_rare() {
                    bits.skip(entry.skip());
                    is_end = entry.is_end();
                    wrong = (!is_end).then_some("a code without a meaning");
                    break;
                }
            }
            window[end] = entry.literal(); // overwritten if it is none
            end += entry.n_literals();
            if !entry.has_value() {
                bits.skip(entry.skip());
                continue;
            }
            let length = entry.length(bits.word());
            bits.skip(entry.skip());
            let mut entry = distances.look(bits.word());
            if entry.is_rare() {
                entry = distances.follow(entry, bits.word());
                if entry.is_rare() {
                    wrong = Some("a distance without a meaning");
                    break;
                }
            }
            let distance = entry.distance(bits.word());
            bits.skip(entry.skip());
            if distance > end {
                wrong = Some("a distance that reaches too far back");
                break;
            }
            copy_match(window, end, distance, length);
            end += length;
        }
        self.end = end;
        input.resume(next, bits);
        wrong.map_or(Ok(is_end), |what| Err(input.bad_code(what)))
    }
}

/// Copies in steps of whole words, the last of which may write behind the match: what comes next overwrites that.
#[inline(always)]
fn copy_match(window: &mut [u8; WINDOW], end: usize, distance: usize, length: usize) {
    let (mut from, mut to, stop) = (end - distance, end, end + length);
    if distance >= 16 {
        // Most matches are short
        window.copy_within(from..from + 16, to);
        while to + 16 < stop {
            (from, to) = (from + 16, to + 16);
            window.copy_within(from..from + 16, to);
        }
    } else if distance >= 8 {
        while to < stop {
            window.copy_within(from..from + 8, to);
            (from, to) = (from + 8, to + 8);
        }
    } else {
        // A pattern of a few bytes, as often as it fits into a word whole
        let word = u64::from_le_bytes(*window[from..].first_chunk().expect("8 bytes"));
        let pattern = (word & (u64::MAX >> (64 - 8 * distance))).wrapping_mul(REPEAT[distance]).to_le_bytes();
        while to < stop {
            window[to..to + 8].copy_from_slice(&pattern);
            to += STEP[distance];
        }
    }
}
