//! The code that carries a watermark's number: 32 bits and their checksum, spread over 192 code
//! bits.
//!
//! The decision that shapes it: the code is tail-biting, so that none of the few bits is spent on a
//! known end, and it is decoded exactly: a Viterbi pass for each of the 256 states in which it may
//! begin, but for those that two free passes show to be worse than what was found. The best few of
//! these paths are a list, and the checksum picks from it.
//!
//! It knows nothing of pictures; it takes soft values and gives a number.

/// Bits of the number itself.
const ID_BITS: usize = 32;
/// Bits that are coded: the number and its CRC-16.
const MESSAGE_BITS: usize = ID_BITS + 16;
/// Generators of the convolutional code of rate 1/4 with the largest free distance (24) at
/// constraint length 9 (K. J. Larsen, IEEE Trans. Inf. Theory 19(3), 1973).
const GENERATORS: [u32; 4] = [0o463, 0o535, 0o733, 0o745];
/// States of its encoder: the last eight bits.
const STATES: usize = 256;
/// Code bits of one number.
pub(super) const CODE_BITS: usize = MESSAGE_BITS * GENERATORS.len();
/// Paths that the checksum may choose from; each one more lets 2^-16 more of the unreadable marks
/// give a wrong number.
const LIST: usize = 2;

/// CRC-16 with polynomial 0x1021 and start 0xFFFF (ITU-T X.25 in the variant "CCITT-FALSE").
fn crc16(id: u32) -> u16 {
    id.to_be_bytes().iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |c, _| if c & 0x8000 == 0 { c << 1 } else { c << 1 ^ 0x1021 })
    })
}

/// The four code bits of a state that a bit has just entered, as the low bits of a number.
const fn outputs() -> [u8; 2 * STATES] {
    let mut all = [0; 2 * STATES];
    let mut register = 0;
    while register < all.len() {
        let mut bit = 0;
        while bit < GENERATORS.len() {
            let parity = (register as u32 & GENERATORS[bit]).count_ones() & 1;
            all[register] |= (parity as u8) << bit;
            bit += 1;
        }
        register += 1;
    }
    all
}
const OUTPUTS: [u8; 2 * STATES] = outputs();

/// Code bits of a number as signs, +1 for a 0 and -1 for a 1.
pub(super) fn encode(id: u32) -> [f32; CODE_BITS] {
    let message = u64::from(id) << 16 | u64::from(crc16(id));
    let bit = |at: usize| (message >> (MESSAGE_BITS - 1 - at)) as usize & 1;
    // The register holds the newest bit on top; the encoder begins with the message's own last
    // eight bits.
    let mut state = (MESSAGE_BITS - 8..MESSAGE_BITS).fold(0, |state, at| state >> 1 | bit(at) << 7);
    let mut code = [1.0; CODE_BITS];
    for (at, four) in code.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let register = bit(at) << 8 | state;
        for (place, value) in four.iter_mut().enumerate() {
            if OUTPUTS[register] >> place & 1 == 1 {
                *value = -1.0;
            }
        }
        state = register >> 1;
    }
    code
}

/// The most likely number whose checksum holds, from soft code bits (positive for a 0, larger when
/// surer).
pub(super) fn decode(soft: &[f32; CODE_BITS]) -> Option<u32> {
    let gains = gains(soft);
    // No path that begins and ends in a state gains more than the best one that only ends, or only
    // begins there.
    let bounds: Vec<f32> = ends(&gains).iter().zip(starts(&gains)).map(|(a, b)| a.min(b)).collect();
    let mut order: Vec<usize> = (0..STATES).collect();
    order.sort_by(|a, b| bounds[*b].total_cmp(&bounds[*a]));
    let mut paths: Vec<(f32, u64)> = Vec::with_capacity(LIST + 1);
    for start in order {
        if paths.len() == LIST && paths.last().is_some_and(|worst| bounds[start] <= worst.0) {
            break;
        }
        paths.push(best_path(&gains, start));
        paths.sort_by(|a, b| b.0.total_cmp(&a.0));
        paths.truncate(LIST);
    }
    paths.iter().map(|(_, message)| *message).find_map(|message| {
        let id = (message >> 16) as u32;
        (crc16(id) == message as u16).then_some(id)
    })
}

/// What each of the 16 possible groups of code bits would gain at each step.
fn gains(soft: &[f32; CODE_BITS]) -> Vec<[f32; 16]> {
    let gain = |four: &[f32; 4], word: usize| -> f32 {
        (0..4).map(|place| if word >> place & 1 == 0 { four[place] } else { -four[place] }).sum()
    };
    soft.as_chunks::<4>().0.iter().map(|four| std::array::from_fn(|word| gain(four, word))).collect()
}

/// The two registers from which a state is entered: the state keeps the newest eight bits, and the
/// bit that falls out tells the two apart.
fn registers(to: usize) -> [usize; 2] {
    [to << 1, to << 1 | 1]
}

/// Gain of the best path that ends in each state, wherever it began.
fn ends(gains: &[[f32; 16]]) -> [f32; STATES] {
    gains.iter().fold([0.0; STATES], |metric, gain| {
        std::array::from_fn(|to| {
            let [a, b] = registers(to).map(|r| metric[r & (STATES - 1)] + gain[usize::from(OUTPUTS[r])]);
            a.max(b)
        })
    })
}

/// Gain of the best path that begins in each state, wherever it ends.
fn starts(gains: &[[f32; 16]]) -> [f32; STATES] {
    gains.iter().rev().fold([0.0; STATES], |metric, gain| {
        let mut before = [f32::NEG_INFINITY; STATES];
        for (to, value) in metric.iter().enumerate() {
            for r in registers(to) {
                let from = &mut before[r & (STATES - 1)];
                *from = from.max(value + gain[usize::from(OUTPUTS[r])]);
            }
        }
        before
    })
}

/// The best path that begins and ends in one state: its gain and its message.
fn best_path(gains: &[[f32; 16]], start: usize) -> (f32, u64) {
    let mut metric = [f32::NEG_INFINITY; STATES];
    metric[start] = 0.0;
    let mut dropped = [[0u64; STATES / 64]; MESSAGE_BITS];
    for (gain, dropped) in gains.iter().zip(&mut dropped) {
        let mut next = [0.0; STATES];
        for (to, value) in next.iter_mut().enumerate() {
            let [a, b] = registers(to).map(|r| metric[r & (STATES - 1)] + gain[usize::from(OUTPUTS[r])]);
            if b > a {
                dropped[to / 64] |= 1 << (to % 64);
            }
            *value = a.max(b);
        }
        metric = next;
    }
    let (mut state, mut message) = (start, 0u64);
    for (at, dropped) in dropped.iter().enumerate().rev() {
        message |= (state as u64 >> 7) << (MESSAGE_BITS - 1 - at);
        let fell = (dropped[state / 64] >> (state % 64)) as usize & 1;
        state = (state << 1 | fell) & (STATES - 1);
    }
    (metric[start], message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksum_is_the_published_one() {
        // The check value of CRC-16/CCITT-FALSE is over nine bytes; over four the same register
        // gives this (computed with Python's binascii.crc_hqx).
        assert_eq!(crc16(0x3132_3334), 0x5349);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn clean_codes_come_back(id: u32) {
            prop_assert_eq!(decode(&encode(id)), Some(id));
        }

        #[test]
        fn a_tenth_of_the_bits_may_be_wrong(id: u32, seed: u64) {
            let mut code = encode(id);
            let mut state = seed | 1;
            for value in &mut code {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if state >> 33 < (1 << 31) / 10 {
                    *value = -*value;
                }
            }
            prop_assert_eq!(decode(&code), Some(id));
        }

        #[test]
        fn no_path_was_left_out(seed: u64) {
            let mut state = seed | 1;
            let noise: [f32; CODE_BITS] = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            });
            let gains = gains(&noise);
            let (ends, starts) = (ends(&gains), starts(&gains));
            for start in 0..STATES {
                let (gain, _) = best_path(&gains, start);
                prop_assert!(gain <= ends[start] + 1e-3 && gain <= starts[start] + 1e-3);
            }
        }

        #[test]
        fn any_soft_values_are_taken(values in prop::collection::vec(prop::num::f32::ANY, CODE_BITS)) {
            let mut soft = [0.0; CODE_BITS];
            soft.copy_from_slice(&values);
            let _ = decode(&soft);
        }
    }
}
