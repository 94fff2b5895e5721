//! `net.cidr_*`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("net.cidr_contains", 2, |all| {
        let inner = block_or_address(all.text(1)?).ok_or(Stop::Undefined)?;
        Ok(block(all.text(0)?)?.contains(&inner).into())
    }),
    ("net.cidr_intersects", 2, |all| {
        let (one, other) = (block(all.text(0)?)?, block(all.text(1)?)?);
        Ok((one.contains(&other) || other.contains(&one)).into())
    }),
    ("net.cidr_is_valid", 1, |all| {
        Ok(block(all.text(0)?).is_ok().into())
    }),
    ("net.cidr_contains_matches", 2, matches),
    ("net.cidr_expand", 1, expand),
    ("net.cidr_merge", 1, merge),
];

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Block {
    fn contains(&self, other: &Block) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.first && other.last <= self.last
    }

    fn address(&self, number: u128) -> IpAddr {
        if self.is_v6 {
            IpAddr::V6(Ipv6Addr::from(number))
        } else {
            IpAddr::V4(Ipv4Addr::from(number as u32))
        }
    }
}

/// `10.0.0.0/8`
fn block(text: &str) -> Result<Block, Stop> {
    let parse = || {
        let (address, prefix) = text.split_once('/')?;
        let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u32 = prefix.parse().ok().filter(|_| digits)?;
        let address: IpAddr = address.parse().ok()?;
        match address {
            IpAddr::V6(whole) if prefix >= 96 => match whole.to_ipv4_mapped() {
                Some(mapped) => Block::of(IpAddr::V4(mapped), prefix - 96),
                None => Block::of(address, prefix),
            },
            _ => Block::of(address, prefix),
        }
    };
    parse().ok_or(Stop::Undefined)
}

impl Block {
    fn of(address: IpAddr, prefix: u32) -> Option<Block> {
        let (is_v6, number, bits) = match address {
            IpAddr::V4(address) => (false, u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (true, u128::from(address), 128),
        };
        let free = u32::checked_sub(bits, prefix)?;
        let mask = if free == 128 {
            u128::MAX
        } else {
            (1u128 << free) - 1
        };
        Some(Block {
            is_v6,
            first: number & !mask,
            last: number | mask,
        })
    }
}

fn block_or_address(text: &str) -> Option<Block> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => Block::of(IpAddr::V4(address), 32),
            None => Block::of(IpAddr::V6(address), 128),
        },
        Ok(address) => Block::of(address, 32),
        Err(_) => block(text).ok(),
    }
}

/// The blocks of an operand, each with what names it in a result.
fn named(value: &Value) -> Result<Vec<(Value, Value)>, Stop> {
    let first = |value: &Value| match value {
        Value::String(_) => Ok(value.clone()),
        Value::Array(items) => items.first().cloned().ok_or(Stop::Undefined),
        _ => Err(Stop::Undefined),
    };
    match value {
        Value::String(_) => Ok(vec![(value.clone(), value.clone())]),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| Ok((first(item)?, at.into())))
                .collect()
        }
        Value::Set(items) => items
            .iter()
            .map(|item| Ok((first(item)?, item.clone())))
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| Ok((first(item)?, key.clone())))
            .collect(),
        _ => Err(Stop::Undefined),
    }
}

fn matches(all: &Arguments<'_>) -> Outcome {
    let mut found = BTreeSet::new();
    let (outer, inner) = (named(all.value(0))?, named(all.value(1))?);
    all.sized(outer.len().saturating_mul(inner.len()))?;
    if inner.is_empty() {
        return Ok(found.into());
    }
    for (text, name) in &outer {
        let Value::String(text) = text else {
            return Err(Stop::Undefined);
        };
        let outer = block(text)?;
        for (text, other) in &inner {
            let Value::String(text) = text else {
                return Err(Stop::Undefined);
            };
            let inner = block_or_address(text).ok_or(Stop::Undefined)?;
            if outer.contains(&inner) {
                found.insert(Value::from(vec![name.clone(), other.clone()]));
            }
        }
    }
    Ok(found.into())
}

fn expand(all: &Arguments<'_>) -> Outcome {
    const MOST: u128 = 1 << 17;
    let block = block(all.text(0)?)?;
    if block.last - block.first >= MOST {
        return Err(all.too_large());
    }
    let addresses = (block.first..=block.last).map(|number| block.address(number).to_string());
    let addresses: BTreeSet<Value> = addresses.map(Value::from).collect();
    Ok(addresses.into())
}

/// The fewest blocks that cover the same addresses.
fn merge(all: &Arguments<'_>) -> Outcome {
    let mut blocks = Vec::new();
    for text in all.texts(0)? {
        let block = match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Block::of(IpAddr::V4(address), default_prefix(address)),
            Ok(IpAddr::V6(_)) => None,
            Err(_) => block(text).ok(),
        };
        blocks.push(block.ok_or(Stop::Undefined)?);
    }
    blocks.sort();
    let mut merged: Vec<Block> = Vec::new();
    for block in blocks {
        match merged.last_mut() {
            Some(last)
                if last.is_v6 == block.is_v6 && block.first <= last.last.saturating_add(1) =>
            {
                last.last = last.last.max(block.last);
            }
            _ => merged.push(block),
        }
    }
    let texts: BTreeSet<Value> = merged.iter().flat_map(split).map(Value::from).collect();
    Ok(texts.into())
}

/// The prefix of an address without one, by its class.
fn default_prefix(address: Ipv4Addr) -> u32 {
    match address.octets()[0] {
        0..=127 => 8,
        128..=191 => 16,
        _ => 24,
    }
}

/// A range as blocks with a prefix.
fn split(range: &Block) -> Vec<String> {
    let bits: u32 = if range.is_v6 { 128 } else { 32 };
    let mut result = Vec::new();
    let mut first = range.first;
    loop {
        let aligned = if first == 0 {
            bits
        } else {
            first.trailing_zeros().min(bits)
        };
        let length = range.last - first;
        // the largest block that starts here and ends within the range
        let fitting = (length.saturating_add(1)).ilog2();
        let free = if length == u128::MAX {
            bits
        } else {
            aligned.min(fitting)
        };
        result.push(format!("{}/{}", range.address(first), bits - free));
        let size = 1u128.checked_shl(free);
        let next = size.and_then(|size| first.checked_add(size));
        match next {
            Some(next) if next <= range.last => first = next,
            _ => return result,
        }
    }
}
