//! Group commit under failure: whatever was answered with success is in the file, and nothing else is.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use super::super::changes;
use super::super::{Change, Options, Pending, Prepared, Store, StoreError, Threads, Weight, Writer};
use crate::clock::Clock;
use crate::scim::catalog::Catalog;
use crate::scim::json::Object;
use crate::scim::resource::settle;

fn open(folder: &tempfile::TempDir, max_bytes: u64) -> (Store, Threads) {
    // However busy the machine is, what is queued together is one batch.
    let batch_time = std::time::Duration::from_secs(60);
    let options = Options { max_bytes, batch_time, ..Options::at(folder.path().join("x.db")) };
    Store::open(&options, Arc::new(Catalog::built_in().unwrap()), Clock::System).unwrap()
}

/// Creates a user whose document has about this many bytes.
fn create(writer: &mut Writer<'_>, name: &str, bytes: usize) -> Result<(), StoreError> {
    let of = writer.catalog().resource_type("User").unwrap().clone();
    let mut document = Object::new();
    document.push("userName", name);
    document.push("title", "x".repeat(bytes));
    settle(&mut document, &of);
    writer.insert(&of, &format!("id-{name}"), &Prepared::of(document, &of))?;
    writer.record(&Change { actor: "test", op: "create", ..Change::default() })
}

fn names(store: &Store) -> HashSet<String> {
    let read = store.read(|reader| {
        let of = reader.catalog().resource_type("User").unwrap().clone();
        let mut names = HashSet::new();
        reader.scan(&of, |row| {
            names.insert(row.id.trim_start_matches("id-").to_owned());
            Ok(true)
        })?;
        assert_eq!(reader.total(&of)?, names.len() as u64, "the block counts are those of the rows");
        Ok::<_, StoreError>(names)
    });
    read.wait().unwrap()
}

/// Holds the writer thread until the returned sender is dropped, so that what is queued meanwhile is one batch; behind a job
/// that may run again, or one that runs once.
fn hold(store: &Store, may_repeat: bool) -> std::sync::mpsc::Sender<()> {
    let (release, held) = channel::<()>();
    let job = move |_: &mut Writer<'_>| {
        let _ = held.recv();
        Ok::<_, StoreError>(())
    };
    drop(if may_repeat { store.write_together(Weight::Light, job) } else { store.write(Weight::Light, job) });
    release
}

/// Queues ten jobs as one batch, the n-th of them with a job of its own, and holds the answers against the file; such that
/// run once, such that may run again, and both.
fn batch_with(
    n: usize,
    max_bytes: u64,
    odd: fn(&mut Writer<'_>, &str) -> Result<(), StoreError>,
) -> Vec<Result<(), StoreError>> {
    let mixed = batch_of(|i| (i + n).is_multiple_of(3), n, max_bytes, odd);
    let again = batch_of(|_| true, n, max_bytes, odd);
    let once = batch_of(|_| false, n, max_bytes, odd);
    assert_eq!(once.iter().map(Result::is_ok).collect::<Vec<_>>(), again.iter().map(Result::is_ok).collect::<Vec<_>>());
    // Where those that run once and others meet, a transaction ends.
    assert!(mixed.iter().zip(&once).all(|(mixed, once)| mixed.is_ok() || once.is_err()), "{mixed:?}, {once:?}");
    once
}

fn batch_of(
    may_repeat: impl Fn(usize) -> bool,
    n: usize,
    max_bytes: u64,
    odd: fn(&mut Writer<'_>, &str) -> Result<(), StoreError>,
) -> Vec<Result<(), StoreError>> {
    let folder = tempfile::tempdir().unwrap();
    let (store, threads) = open(&folder, max_bytes);
    let release = hold(&store, may_repeat(0));
    let pending: Vec<Pending<(), StoreError>> = (0..10)
        .map(|i| {
            let name = format!("user{i}");
            let job =
                move |writer: &mut Writer<'_>| if i == n { odd(writer, &name) } else { create(writer, &name, 100) };
            match may_repeat(i) {
                true => store.write_together(Weight::Light, job),
                false => store.write(Weight::Light, job),
            }
        })
        .collect();
    drop(release);
    let answers: Vec<_> = pending.into_iter().map(Pending::wait).collect();
    let there = names(&store);
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!(
            answer.is_ok(),
            there.contains(&format!("user{i}")),
            "job {i} with the odd one at {n}: {answer:?}, {there:?}"
        );
    }
    // The thread goes on.
    store.write(Weight::Light, |writer| create(writer, "after", 100)).wait().unwrap();
    assert!(names(&store).contains("after"));
    drop(store);
    threads.join();
    answers
}

#[test]
fn the_nth_job_that_meets_a_full_disk_is_refused_and_no_other_is_answered_wrongly() {
    for n in 0..10 {
        let answers = batch_with(n, 1 << 20, |writer, name| create(writer, name, 2 << 20));
        assert!(matches!(answers[n], Err(StoreError::Full)), "{:?}", answers[n]);
    }
}

#[test]
fn when_sqlite_rolls_the_transaction_back_every_job_of_the_batch_is_refused() {
    for n in 0..10 {
        // What SQLite does by itself on some failures, with the job none the wiser.
        let answers = batch_with(n, 0, |writer, name| {
            create(writer, name, 100)?;
            writer.connection().execute_batch("rollback")?;
            Ok(())
        });
        let refused = answers.iter().filter(|a| matches!(a, Err(StoreError::Full))).count();
        assert!(refused > n, "the jobs before the {n}th are lost with it: {answers:?}");
    }
}

#[test]
fn a_job_that_panics_or_refuses_leaves_nothing_and_takes_nobody_with_it() {
    for odd in [
        (|writer, name| {
            create(writer, name, 100)?;
            panic!("a mistake in a use-case");
        }) as fn(&mut Writer<'_>, &str) -> Result<(), StoreError>,
        |writer, name| {
            create(writer, name, 100)?;
            Err(StoreError::Taken)
        },
    ] {
        let answers = batch_with(4, 0, odd);
        assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 9, "{answers:?}");
    }
}

#[test]
fn only_a_job_that_refuses_after_it_wrote_has_the_others_run_again() {
    for (writes_first, runs) in [(false, 1), (true, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let (store, threads) = open(&folder, 0);
        let release = hold(&store, true);
        let ran = Arc::new(std::sync::Mutex::new(Vec::new()));
        let pending: Vec<Pending<i64, StoreError>> = (0..5)
            .map(|i| {
                let ran = ran.clone();
                store.write_together(Weight::Light, move |writer| {
                    ran.lock().unwrap().push(i);
                    if i == 3 {
                        if writes_first {
                            create(writer, "refused", 1)?;
                        }
                        return Err(StoreError::Taken);
                    }
                    create(writer, &format!("user{i}"), 1)?;
                    writer.last_change()
                })
            })
            .collect();
        drop(release);
        let answers: Vec<_> = pending.into_iter().map(|p| p.wait().ok()).collect();
        assert_eq!(answers, [Some(1), Some(2), Some(3), None, Some(4)]);
        let ran = ran.lock().unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(|i| ran.iter().filter(|r| **r == i).count()), [runs, runs, runs, runs, 1]);
        assert_eq!(names(&store), ["user0", "user1", "user2", "user4"].map(str::to_owned).into());
        drop(store);
        threads.join();
    }
}

/// Whoever has an answer may ask again at once, with the room that the request took.
#[test]
fn what_a_job_holds_is_given_back_before_its_answer() {
    struct Share(Arc<AtomicBool>);
    impl Drop for Share {
        fn drop(&mut self) {
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (store, threads) = open(&folder, 0);
    for again in [true, false] {
        let given_back = Arc::new(AtomicBool::new(false));
        let share = Share(given_back.clone());
        let job = move |_: &mut Writer<'_>| Ok::<_, StoreError>(!share.0.load(Ordering::SeqCst));
        let held = match again {
            true => store.write_together(Weight::Light, job).wait(),
            false => store.write(Weight::Light, job).wait(),
        };
        assert!(held.unwrap() && given_back.load(Ordering::SeqCst), "{again}");
    }
    drop(store);
    threads.join();
}

#[test]
fn change_numbers_have_no_gaps_and_times_do_not_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(std::sync::atomic::AtomicI64::new(1_000_000));
    let options = Options::at(folder.path().join("x.db"));
    let catalog = Arc::new(Catalog::built_in().unwrap());
    let (store, threads) = Store::open(&options, catalog, Clock::Fixed(at.clone())).unwrap();
    for (i, time) in [1_000_000, 2_000_000, 500, 3_000_000].into_iter().enumerate() {
        at.store(time, Ordering::Relaxed);
        let failed =
            store.write(Weight::Light, move |w| create(w, &format!("bad{i}"), 1).and(Err::<(), _>(StoreError::Taken)));
        assert!(failed.wait().is_err());
        store.write(Weight::Light, move |w| create(w, &format!("good{i}"), 1)).wait().unwrap();
    }
    let rows = store.read(|reader| {
        let mut statement = reader.connection().prepare("select n, at from change order by n")?;
        let rows =
            statement.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))?.collect::<Result<Vec<_>, _>>();
        Ok::<_, StoreError>(rows?)
    });
    assert_eq!(rows.wait().unwrap(), [(1, 1_000_000), (2, 2_000_000), (3, 2_000_001), (4, 3_000_000)]);
    drop(store);
    threads.join();
}

#[test]
fn old_change_rows_go_in_whole_blocks_and_never_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(std::sync::atomic::AtomicI64::new(1_000_000));
    let catalog = Arc::new(Catalog::built_in().unwrap());
    let (store, threads) = Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::Fixed(at)).unwrap();
    let filled = store.write(Weight::Heavy, |writer| {
        let of = writer.catalog().resource_type("User").unwrap().clone();
        let mut document = Object::new();
        document.push("userName", "kept");
        settle(&mut document, &of);
        writer.insert(&of, "id-kept", &Prepared::of(document, &of))?;
        for resource in ["id-kept", "id-gone"] {
            let change = Change { actor: "test", op: "create", resource: Some(resource), ..Change::default() };
            writer.record(&change)?;
        }
        for _ in 2..3000 {
            writer.record(&Change { actor: "test", op: "test", ..Change::default() })?;
        }
        Ok::<_, StoreError>(())
    });
    filled.wait().unwrap();
    let path = store.path().to_owned();
    drop(store);
    threads.join();
    let connection = super::super::writing_connection(&path).unwrap();
    let left = || {
        connection
            .query_row("select min(n), max(n) from change", [], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))
            .unwrap()
    };
    let day = 24 * 3600 * 1_000_000;
    changes::purge(&connection, 1_000_000 + 399 * day).unwrap();
    assert_eq!(left(), (1, 3000), "too early");
    for expected in [(1024, 3000), (2048, 3000), (2048, 3000)] {
        changes::purge(&connection, 1_000_000 + 401 * day).unwrap();
        assert_eq!(left(), expected);
    }
    // Whoever began a resource is known for as long as that is there.
    let origins = |sql: &str| connection.query_row(sql, [], |r| r.get::<_, String>(0)).unwrap();
    assert_eq!(origins("select group_concat(resource || ' ' || actor) from origin"), "id-kept test");
    let floor = super::super::migrate::setting(&connection, "change_floor").unwrap();
    assert_eq!(floor.as_deref(), Some("2048"));
}

#[test]
fn a_file_of_other_unicode_tables_is_indexed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (store, threads) = open(&folder, 0);
    store.write(Weight::Light, |writer| create(writer, "STRASSE", 1)).wait().unwrap();
    let path = store.path().to_owned();
    drop(store);
    threads.join();
    let connection = super::super::writing_connection(&path).unwrap();
    connection
        .execute_batch(
            "update resource set name_key = 'stale', plain = 0; update setting set value = 'old' where name = 'fold'",
        )
        .unwrap();
    drop(connection);
    let (store, threads) = open(&folder, 0);
    let found = store.read(|reader| {
        let of = reader.catalog().resource_type("User").unwrap().clone();
        let key = reader.key_by_name(&of, &crate::scim::name::fold("straße"))?;
        Ok::<_, StoreError>((key.is_some(), reader.rows(&[key.unwrap_or(0)])?.first().is_some_and(|r| r.plain)))
    });
    assert_eq!(found.wait().unwrap(), (true, true));
    drop(store);
    threads.join();
}

#[test]
fn what_an_undone_job_saw_of_the_groups_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (store, threads) = open(&folder, 0);
    let group = |name: &'static str, refused: bool| {
        store.write_together(Weight::Light, move |writer| {
            let of = writer.catalog().resource_type("Group").unwrap().clone();
            let mut document = Object::new();
            document.push("displayName", name);
            let row = writer.insert(&of, name, &Prepared::of(document, &of))?;
            if refused {
                writer.graph()?;
                return Err(StoreError::Taken);
            }
            Ok(row.pk)
        })
    };
    let release = hold(&store, true);
    let (undone, kept) = (group("undone", true), group("kept", false));
    drop(release);
    assert!(undone.wait().is_err());
    let pk = kept.wait().unwrap();
    let seen = store.read(move |reader| Ok::<_, StoreError>(reader.graph()?.node(pk).map(|n| n.display.clone())));
    assert_eq!(seen.wait().unwrap().as_deref(), Some("kept"));
    drop(store);
    threads.join();
}
