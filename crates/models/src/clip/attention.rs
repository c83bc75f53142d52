//! The attention of one picture: every token asks all others, head by head.
use rayon::prelude::*;

use super::rows::{soft_max, soft_max_back};
use super::{HEADS, TOKENS, WIDTH};
use crate::cpu::{View, product};

/// Numbers of a head.
const HEAD: usize = WIDTH / HEADS;
/// Numbers of a token's query, key and value, one behind the other.
pub(super) const THREE: usize = 3 * WIDTH;
/// Shares of one head.
const SHARES: usize = TOKENS * TOKENS;

/// `1 / sqrt(HEAD)`.
const FACTOR: f32 = 0.125;

fn query(of: &[f32], head: usize) -> View<'_> {
    View::rows(&of[head * HEAD..], THREE)
}

fn key(of: &[f32], head: usize) -> View<'_> {
    View::rows(&of[WIDTH + head * HEAD..], THREE)
}

fn value(of: &[f32], head: usize) -> View<'_> {
    View::rows(&of[2 * WIDTH + head * HEAD..], THREE)
}

/// Puts the columns of one head, of rows of `stride` numbers, where they belong.
fn place(into: &mut [f32], stride: usize, first: usize, from: &[f32]) {
    for (row, from) in into.chunks_exact_mut(stride).zip(from.chunks_exact(HEAD)) {
        row[first..first + HEAD].copy_from_slice(from);
    }
}

/// What the tokens get, `[TOKENS, WIDTH]`, from their queries, keys and values, `[TOKENS, THREE]`.
/// The shares of every head, `[HEADS, TOKENS, TOKENS]`, are kept where they are wanted.
pub(super) fn attend(three: &[f32], keep: bool) -> (Vec<f32>, Option<Vec<f32>>) {
    let one = |head: usize| {
        let mut shares = vec![0.0; SHARES];
        product(&mut shares, query(three, head), key(three, head).transposed(), [TOKENS, HEAD, TOKENS], false);
        soft_max(&mut shares, TOKENS, FACTOR);
        let mut got = vec![0.0; TOKENS * HEAD];
        product(&mut got, View::rows(&shares, TOKENS), value(three, head), [TOKENS, TOKENS, HEAD], false);
        (got, if keep { shares } else { Vec::new() })
    };
    let heads: Vec<(Vec<f32>, Vec<f32>)> = (0..HEADS).into_par_iter().map(one).collect();
    let mut out = vec![0.0; TOKENS * WIDTH];
    for (head, (got, _)) in heads.iter().enumerate() {
        place(&mut out, WIDTH, head * HEAD, got);
    }
    let kept = keep.then(|| heads.into_iter().flat_map(|(_, shares)| shares).collect());
    (out, kept)
}

/// What reaches queries, keys and values, `[TOKENS, THREE]`, of the gradient at [`attend`]'s
/// result.
pub(super) fn attend_back(gradient: &[f32], three: &[f32], shares: &[f32]) -> Vec<f32> {
    let one = |head: usize| {
        let shares = &shares[head * SHARES..(head + 1) * SHARES];
        let at_head = View::rows(&gradient[head * HEAD..], WIDTH);
        let mut of = [vec![0.0; TOKENS * HEAD], vec![0.0; TOKENS * HEAD], vec![0.0; TOKENS * HEAD]];
        product(&mut of[2], View::rows(shares, TOKENS).transposed(), at_head, [TOKENS, TOKENS, HEAD], false);
        let mut at_shares = vec![0.0; SHARES];
        product(&mut at_shares, at_head, value(three, head).transposed(), [TOKENS, HEAD, TOKENS], false);
        soft_max_back(&mut at_shares, shares, TOKENS, FACTOR);
        let at_shares = View::rows(&at_shares, TOKENS);
        product(&mut of[0], at_shares, key(three, head), [TOKENS, TOKENS, HEAD], false);
        product(&mut of[1], at_shares.transposed(), query(three, head), [TOKENS, TOKENS, HEAD], false);
        of
    };
    let heads: Vec<[Vec<f32>; 3]> = (0..HEADS).into_par_iter().map(one).collect();
    let mut out = vec![0.0; TOKENS * THREE];
    for (head, of) in heads.iter().enumerate() {
        for (i, of) in of.iter().enumerate() {
            place(&mut out, THREE, i * WIDTH + head * HEAD, of);
        }
    }
    out
}
