//! Bits of entropy-coded data, most significant first (T.81 F.2.2.5).
//!
//! The reader works on data whose stuffed zero bytes are already taken out, so that a refill is one
//! load. Beyond the end it reads zeros and remembers; whoever decodes asks [`Bits::overrun`] once
//! per block instead of checking every bit.

/// Takes the stuffed zeros out of `data` into `clean`, up to the first marker. Returns the offset
/// of that marker's `0xFF` and its second byte, or `None` when the data ends first.
pub(super) fn unstuff(data: &[u8], clean: &mut Vec<u8>) -> Option<(usize, u8)> {
    clean.clear();
    let mut at = 0;
    loop {
        let rest = data.get(at..)?;
        let Some(found) = rest.iter().position(|&b| b == 0xff) else {
            clean.extend_from_slice(rest);
            return None;
        };
        clean.extend_from_slice(&rest[..found]);
        let mut last = at + found;
        while data.get(last + 1) == Some(&0xff) {
            last += 1;
        }
        match *data.get(last + 1)? {
            0 => clean.push(0xff),
            marker => return Some((last, marker)),
        }
        at = last + 2;
    }
}

/// Reads bits from unstuffed data.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// Next byte to load, counted on past the end.
    at: usize,
    /// Loaded bits, left-aligned.
    window: u64,
    /// How many of them are valid.
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, window: 0, count: 0 }
    }

    /// Loads until at least 56 bits are valid.
    #[inline]
    pub(super) fn refill(&mut self) {
        let next = match self.data.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => self.last_bytes(),
        };
        self.window |= next >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 0x38;
    }

    #[cold]
    fn last_bytes(&self) -> u64 {
        let rest = self.data.get(self.at..).unwrap_or_default();
        rest.iter().take(8).enumerate().fold(0, |bits, (i, &b)| bits | u64::from(b) << (56 - 8 * i))
    }

    /// The next 16 bits, not consumed. Needs a refill within the last 40 consumed bits.
    #[inline]
    pub(super) fn peek16(&self) -> u32 {
        (self.window >> 48) as u32
    }

    /// Drops `n` < 56 valid bits.
    #[inline]
    pub(super) fn consume(&mut self, n: u32) {
        self.window <<= n;
        self.count = self.count.wrapping_sub(n);
    }

    /// The next `n` <= 16 bits as a number; 0 for `n` = 0.
    #[inline]
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let value = (self.window >> 1 >> (63 - n)) as u32;
        self.consume(n);
        value
    }

    /// The next `n` <= 16 bits as a signed difference (T.81 F.2.2.1, RECEIVE and EXTEND).
    #[inline]
    pub(super) fn take_signed(&mut self, n: u32) -> i32 {
        let negative = ((self.window >> 63) as i32) - 1;
        let value = self.take(n) as i32;
        value + (negative & (1 - (1 << n)))
    }

    /// One bit, refilling first when none is left.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        if self.count == 0 {
            self.refill();
        }
        let bit = self.window >> 63 != 0;
        self.consume(1);
        bit
    }

    /// True once bits past the end were consumed.
    #[inline]
    pub(super) fn overrun(&self) -> bool {
        self.at * 8 - self.count as usize > self.data.len() * 8
    }

    /// Valid bits before the next refill.
    #[inline]
    pub(super) fn available(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unstuffs_up_to_a_marker() {
        let mut clean = Vec::new();
        assert_eq!(unstuff(&[1, 0xff, 0, 2, 0xff, 0xff, 0, 0xff, 0xd3, 9], &mut clean), Some((7, 0xd3)));
        assert_eq!(clean, [1, 0xff, 2, 0xff]);
        assert_eq!(unstuff(&[1, 2, 0xff], &mut clean), None);
        assert_eq!(clean, [1, 2]);
        assert_eq!(unstuff(&[], &mut clean), None);
    }

    #[test]
    fn reads_what_was_written_and_zeros_after() {
        let data: Vec<u8> = (0..23).map(|i| (i * 73 + 19) as u8).collect();
        let all: Vec<bool> = data.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1 == 1)).collect();
        let mut bits = Bits::new(&data);
        let (mut at, mut n) = (0, 0);
        while at + 16 < all.len() {
            bits.refill();
            let expected = all[at..at + n].iter().fold(0, |v, &b| v << 1 | u32::from(b));
            assert_eq!(bits.take(n as u32), expected, "{n} bits at {at}");
            at += n;
            n = (n + 1) % 17;
            assert!(!bits.overrun());
        }
        for _ in at..all.len() {
            bits.bit();
        }
        assert!(!bits.overrun());
        assert!(!bits.bit());
        assert!(bits.overrun());
    }

    #[test]
    fn extends_signs() {
        for (n, pattern, expected) in
            [(1, 0u32, -1), (1, 1, 1), (3, 0b000, -7), (3, 0b011, -4), (3, 0b100, 4), (0, 0, 0)]
        {
            let data = ((pattern << (16 - n)) as u16).to_be_bytes();
            let mut bits = Bits::new(&data);
            bits.refill();
            assert_eq!(bits.take_signed(n), expected);
        }
    }
}
