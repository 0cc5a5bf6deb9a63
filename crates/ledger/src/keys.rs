//! The callers' API keys in the ledger's database.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore, rngs::OsRng};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::{
    database,
    error::LedgerError,
    ring::{ID_CHARS, KeyHash, KeyInfo, KeyRing, PREFIX},
    rows::{maybe_unsigned, unsigned},
};

/// How long a change of the keys waits for the writer's lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The 32 characters of an id: without i, l, o and u, which people mistake for others.
const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What a new key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What to call it.
    pub name: String,
    /// The features it may use; none means all of them.
    pub features: Option<Vec<String>>,
    /// The feature bound to it, for requests that name none.
    pub default_feature: Option<String>,
    /// From when it is no longer valid, milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
}

/// The callers' API keys. Each method is a short blocking use of the disk.
pub struct Keys {
    database: Mutex<Database>,
}

struct Database {
    connection: Connection,
    /// The count of changes that the last snapshot has seen.
    seen: Option<i64>,
}

impl Keys {
    /// Opens the keys in the ledger's database at `path`; creates or migrates it as
    /// [`Ledger::open`](crate::Ledger::open) does.
    ///
    /// # Errors
    /// When the database cannot be opened, is damaged or of another schema.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let connection = database::open(path, LOCK_PATIENCE)?;
        Ok(Self { database: Mutex::new(Database { connection, seen: None }) })
    }

    /// Creates a key. Gives what is known of it, and its text, which cannot be had again.
    ///
    /// # Errors
    /// When the key is bound to a feature that it may not use, or the database takes no change.
    pub fn create(&self, new: NewKey, now_ms: u64) -> Result<(KeyInfo, String), LedgerError> {
        let NewKey { name, features, default_feature, expires_ms } = new;
        let id = random_id()?;
        let key = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
        let created_ms = now_ms;
        let info = KeyInfo {
            id,
            name,
            features,
            default_feature,
            created_ms,
            expires_ms,
            revoked_ms: None,
        };
        if let Some(feature) = info.default_feature.as_ref().filter(|name| !info.allows(name)) {
            return Err(LedgerError::BoundFeature { feature: feature.clone() });
        }
        self.change(|transaction| insert(transaction, &info, &KeyHash::of(&key)))?;
        Ok((info, key))
    }

    /// Every key, revoked and expired ones included, in order of creation.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<KeyInfo>, LedgerError> {
        let keys = read(&mut self.lock().connection).map_err(reading)?.0;
        Ok(keys.into_iter().map(|(info, _)| info).collect())
    }

    /// Revokes a key as of `now_ms`. A key that is revoked already keeps its earlier time.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchKey`] when there is no such id; or the database takes no change.
    pub fn revoke(&self, id: &str, now_ms: u64) -> Result<(), LedgerError> {
        let revoked = self.change(|transaction| {
            transaction.execute(
                "UPDATE keys SET revoked_ms = coalesce(revoked_ms, ?) WHERE id = ?",
                params![now_ms.cast_signed(), id],
            )
        })?;
        if revoked == 0 {
            return Err(LedgerError::NoSuchKey { id: id.to_owned() });
        }
        Ok(())
    }

    /// All keys at this moment, to be held in memory.
    ///
    /// # Errors
    /// When the database cannot be read; whoever has an earlier ring keeps it.
    pub fn snapshot(&self) -> Result<KeyRing, LedgerError> {
        let mut database = self.lock();
        let (keys, version) = read(&mut database.connection).map_err(reading)?;
        database.seen = Some(version);
        Ok(KeyRing::new(keys))
    }

    /// Whether keys have been created or revoked, by any process, since the last snapshot. Reads
    /// one row: cheap enough to be asked every second.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn changed(&self) -> Result<bool, LedgerError> {
        let database = self.lock();
        let version = version(&database.connection).map_err(reading)?;
        Ok(database.seen != Some(version))
    }

    /// Runs a change in a transaction that also counts it.
    fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut database = self.lock();
        let counted = || {
            let transaction =
                database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
            transaction.execute("UPDATE key_changes SET version = version + 1", [])?;
            transaction.commit()?;
            Ok(changed)
        };
        counted().map_err(|source| LedgerError::ChangeKeys { source })
    }

    /// A panic elsewhere leaves the connection usable: a transaction that unwinds rolls back.
    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reading(source: rusqlite::Error) -> LedgerError {
    LedgerError::ReadKeys { source }
}

fn insert(connection: &Connection, info: &KeyInfo, hash: &KeyHash) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO keys (id, name, hash, limited, default_feature, created_ms, expires_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            info.id,
            info.name,
            hash.0,
            info.features.is_some(),
            info.default_feature,
            info.created_ms.cast_signed(),
            info.expires_ms.map(u64::cast_signed),
        ],
    )?;
    let mut feature = connection
        .prepare_cached("INSERT INTO key_features (key, number, feature) VALUES (?, ?, ?)")?;
    for (number, name) in (0_i64..).zip(info.features.iter().flatten()) {
        feature.execute(params![info.id, number, name])?;
    }
    Ok(())
}

/// Every key with its hash, and the count of changes, all of one moment.
fn read(connection: &mut Connection) -> rusqlite::Result<(Vec<(KeyInfo, KeyHash)>, i64)> {
    let snapshot = connection.transaction()?;
    let mut keys = snapshot.prepare_cached("SELECT * FROM keys ORDER BY created_ms, rowid")?;
    let mut features = snapshot
        .prepare_cached("SELECT feature FROM key_features WHERE key = ? ORDER BY number")?;
    let mut features_of = |id: &str| -> rusqlite::Result<Vec<String>> {
        features.query_map([id], |row| row.get(0))?.collect()
    };
    let keys = keys
        .query_map([], |row| read_key(row, &mut features_of))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok((keys, version(&snapshot)?))
}

fn read_key(
    row: &Row<'_>,
    features_of: &mut impl FnMut(&str) -> rusqlite::Result<Vec<String>>,
) -> rusqlite::Result<(KeyInfo, KeyHash)> {
    let id: String = row.get("id")?;
    let limited: bool = row.get("limited")?;
    let features = limited.then(|| features_of(&id)).transpose()?;
    let info = KeyInfo {
        id,
        name: row.get("name")?,
        features,
        default_feature: row.get("default_feature")?,
        created_ms: unsigned(row, "created_ms")?,
        expires_ms: maybe_unsigned(row, "expires_ms")?,
        revoked_ms: maybe_unsigned(row, "revoked_ms")?,
    };
    Ok((info, KeyHash(row.get("hash")?)))
}

/// The count of changes.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT version FROM key_changes")?.query_row([], |row| row.get(0))
}

/// Random bytes of the operating system.
fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|source| LedgerError::Randomness { source })?;
    Ok(bytes)
}

/// A random id: five bits in each of its characters.
fn random_id() -> Result<String, LedgerError> {
    let character = |byte: u8| ID_ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
    Ok(random::<ID_CHARS>()?.into_iter().filter_map(character).collect())
}
