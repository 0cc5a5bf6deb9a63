//! What `--help` teaches.

use insta::assert_snapshot;

use crate::support::Folder;

/// The help of a command, without white space at line ends.
fn help(command: &str) -> String {
    let (code, out, err) = Folder::new().run(&format!("{command} --help"));
    assert_eq!((code, err.as_str()), (0, ""), "{command}");
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn tieline() {
    assert_snapshot!(help(""), @r#"
Keeps features that call AI models working when a provider fails, changes price or is forbidden

Usage: tieline <COMMAND>

Commands:
  serve        Run the gateway
  check        Say what is wrong with the configuration, or that it is good
  init         Write a first tieline.yaml from the credentials found in the environment
  key          Create, list and revoke the API keys that callers use
  log          Show what happened to requests, newest first
  audit        Show who changed what in running gateways, newest first
  route        Show where requests go, and why, and where they would have gone
  contingency  Show which features survive the loss of any one provider, region, cloud or model
  drill        Rehearse outages in simulated time, and say what users get all the same
  policy       Compare what two configurations allow
  status       Show the health of deployments and features of a running gateway
  deployment   Take deployments of a running gateway out of service, and put them back
  eval         Find out whether a deployment is good enough to serve a feature
  release      Bring a deployment into service step by step, and take it back where it does worse
  prices       Show, compare and check what models cost
  cost         Show what calls cost, by feature, tier, deployment, caller or day
  slo          Work with service level objectives
  demo         Show an outage being survived; needs no configuration and no credentials
  sim          Run simulated providers, for trying things out and for tests
  schema       Print the JSON Schema of tieline.yaml or of eval suites, for editors
  help         Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

Examples:
  tieline demo                 See an outage being survived; needs no credentials
  tieline init                 Write a first tieline.yaml
  tieline check                Say what is wrong with it
  tieline serve                Run the gateway
  tieline log --since 1h       Show what happened to the latest requests
  tieline cost --by day        Show what calls cost
  tieline route explain --feature support-reply
                               Show where requests may go, and why
  tieline route replay --since 7d --with next.yaml
                               Show what another configuration would have changed
  tieline contingency          Show which features survive the loss of any one provider
  tieline drill run claude-2026-04-28
                               Rehearse an outage in simulated time
  tieline eval run suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
                               Find out whether a deployment is as good as the one that serves
  tieline release start support-reply gpt-6@openai
                               Bring a deployment into service step by step
  tieline status               Show which deployments take traffic, and why others do not

Exit codes: 0 good, 1 a check failed, 2 wrong usage or configuration, 3 inconclusive,
4 infrastructure error.
TIELINE_LOG sets what is logged on stderr, such as `debug` or `warn,tieline_gateway=debug`.
"#);
}

#[test]
fn serve() {
    assert_snapshot!(help("serve"), @r#"
Run the gateway

Usage: tieline serve [OPTIONS]

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

      --seed <N>
          Seed of every random choice, such as that among weighted deployments. Default: random

  -h, --help
          Print help (see a summary with '-h')

A change of the configuration file, or SIGHUP, puts it in force without dropping a request; a bad
one is refused and the last good one stays. SIGTERM and SIGINT let open requests finish within
`server.drain`; a second one ends at once.

Examples:
  tieline serve
  tieline serve --config /etc/tieline/tieline.yaml
  tieline serve --format json    One line when it accepts: {"listen":..., "admin":...}
"#);
}

#[test]
fn check() {
    assert_snapshot!(help("check"), @r#"
Say what is wrong with the configuration, or that it is good

Usage: tieline check [OPTIONS]

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

What this accepts, `tieline serve` starts. Exit code 2 means that something is wrong; 1 that all is
well written, but that policy leaves a feature without a deployment or contradicts itself.

Examples:
  tieline check
  tieline check --config staging.yaml --format json
"#);
}

#[test]
fn init() {
    assert_snapshot!(help("init"), @r#"
Write a first tieline.yaml from the credentials found in the environment

Usage: tieline init [OPTIONS]

Options:
      --config <FILE>  The configuration file [env: TIELINE_CONFIG] [default: tieline.yaml]
  -h, --help           Print help

An existing file is never overwritten.

Examples:
  OPENAI_API_KEY=... tieline init
  tieline init --config staging.yaml
"#);
}

#[test]
fn key() {
    assert_snapshot!(help("key"), @r#"
Create, list and revoke the API keys that callers use

Usage: tieline key <COMMAND>

Commands:
  create  Create a key and print it; it cannot be shown again
  list    List all keys, revoked and expired ones included
  revoke  Revoke a key
  help    Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

As long as there is no key, whoever reaches the port may call, and `tieline serve` listens on
loopback addresses only. A running gateway takes new and revoked keys within a second.

Examples:
  tieline key create web --feature support-reply --expires 90d
  tieline key list
  tieline key revoke 4k2m9x7qpa
"#);
}

#[test]
fn key_create() {
    assert_snapshot!(help("key create"), @r#"
Create a key and print it; it cannot be shown again

Usage: tieline key create [OPTIONS] <NAME>

Arguments:
  <NAME>
          What to call it

Options:
      --feature <FEATURE>
          A feature it may use; repeat for more. Default: all

      --default-feature <FEATURE>
          The feature for requests whose `model` names none

      --expires <DURATION>
          How long it is valid, such as 90d. Default: until revoked

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Only the key goes to stdout, so that it can be put where it is needed.

Examples:
  tieline key create web > /run/secrets/tieline-web
  tieline key create web --feature support-reply --feature ticket-summary
  tieline key create legacy --default-feature support-reply --expires 90d
"#);
}

#[test]
fn key_list() {
    assert_snapshot!(help("key list"), @r#"
List all keys, revoked and expired ones included

Usage: tieline key list [OPTIONS]

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Examples:
  tieline key list
  tieline key list --db /var/lib/tieline/tieline.db --format json
"#);
}

#[test]
fn key_revoke() {
    assert_snapshot!(help("key revoke"), @r#"
Revoke a key

Usage: tieline key revoke [OPTIONS] <ID>

Arguments:
  <ID>
          The key's id, as `tieline key list` shows it

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Examples:
  tieline key revoke 4k2m9x7qpa
"#);
}

#[test]
fn log() {
    assert_snapshot!(help("log"), @r#"
Show what happened to requests, newest first

Usage: tieline log [OPTIONS]
       tieline log <COMMAND>

Commands:
  show  Show one request with all its attempts, or one decision
  help  Print this message or the help of the given subcommand(s)

Options:
      --feature <FEATURE>
          Requests for this feature

      --outcome <OUTCOME>
          Requests that ended so: served, degraded, refused, failed, broken or cancelled

      --deployment <MODEL@PROVIDER>
          Requests that this deployment answered or was tried for

      --fault <CLASS>
          Requests that met this class of fault, on the way or in the end, such as auth or timeout

      --caller <ID>
          Requests of this caller: the id of an API key, `local`, or `tieline` for its own probes

      --since <TIME>
          Requests since then: how long ago (1h) or a time (2026-04-28T17:34:00Z)

      --until <TIME>
          Requests before then, written in the same ways

      --limit <N>
          At most so many requests

          [default: 50]

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Every condition that is given must hold.

Examples:
  tieline log
  tieline log --feature support-reply --outcome failed --since 1h
  tieline log --deployment claude-sonnet-5@anthropic --fault auth --limit 10
  tieline log --since 2026-04-28T17:34:00Z --until 2026-04-28T18:52:00Z --format json
  tieline log show req_019a3c5e7d5b7c1e9d4f2b8a6c0e1f23
"#);
}

#[test]
fn log_show() {
    assert_snapshot!(help("log show"), @r#"
Show one request with all its attempts, or one decision

Usage: tieline log show [OPTIONS] <ID>

Arguments:
  <ID>
          The id of the request or decision

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

The ids are in the response headers x-tieline-request-id and x-tieline-decision. Requests that were
decided in the same way for the same reasons share a decision.

Examples:
  tieline log show req_019a3c5e7d5b7c1e9d4f2b8a6c0e1f23
  tieline log show dec_5f0c2a9d1b7e48c36a90f1d2
"#);
}

#[test]
fn audit() {
    assert_snapshot!(help("audit"), @r#"
Show who changed what in running gateways, newest first

Usage: tieline audit [OPTIONS]

Options:
      --since <TIME>
          Changes since then: how long ago (1h) or a time (2026-04-28T17:34:00Z)

      --limit <N>
          At most so many changes

          [default: 50]

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Deployments that were drained or suspended and put back, configurations that were taken or refused,
exceptions from policy that began and ended. The actor is an address that the gateway saw, `file`,
`signal` or `sentinels`; who that says it is, nobody has checked.

Examples:
  tieline audit
  tieline audit --since 24h --limit 10
  tieline audit --since 2026-04-28T17:34:00Z --format json
"#);
}

#[test]
fn demo() {
    assert_snapshot!(help("demo"), @r#"
Show an outage being survived; needs no configuration and no credentials

Usage: tieline demo [OPTIONS]

Options:
      --seconds <N>
          How long to run

          [default: 60]

      --listen <ADDRESS>
          Where the gateway listens; port 0 takes a free one

          [default: 127.0.0.1:0]

      --seed <N>
          Seed of the traffic and of what providers say

          [default: 1]

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Simulated OpenAI, Azure, Bedrock and Anthropic, a gateway in front of them and clients with live
traffic on two features, all on real loopback ports. A quarter into the run Anthropic refuses
every request with 401, as on 28 April 2026, and recovers when seven tenths are over. A refused
credential is tried again after 30 s: from 45 s on, a run shows Anthropic coming back. Your own
requests are welcome while it runs. Exit code 0 means that no request was lost.

Examples:
  tieline demo
  tieline demo --seconds 20 --listen 127.0.0.1:8080
  tieline demo --seconds 10 --format json
"#);
}

#[test]
fn sim() {
    assert_snapshot!(help("sim"), @r#"
Run simulated providers, for trying things out and for tests

Usage: tieline sim [OPTIONS] [[NAME:]KIND=ADDRESS]...

Arguments:
  [[NAME:]KIND=ADDRESS]...
          The providers

Options:
      --seed <N>
          Seed of everything they say

          [default: 1]

      --first-token <DURATION>
          From a request to its first token

          [default: 50ms]

      --per-token <DURATION>
          From one token to the next

          [default: 5ms]

      --first-token-p95 <DURATION>
          From a request to its first token in 1 of 20 answers, where it differs; the others are
          spread around --first-token

      --per-token-p95 <DURATION>
          From one token to the next in 1 of 20 answers, where it differs

      --reply-tokens <N..M>
          How many tokens a reply has: a number, or the least and the most

          [default: 20..60]

      --faults <FILE>
          A JSON file with the faults to show

      --quotas <FILE>
          A JSON file with the quotas of the providers' accounts

      --answers <FILE>
          A JSON Lines file of questions with their answers; to all others they say what they like

      --wrong <NAME=SHARE>
          The share of these answers that a provider or a model gets wrong; may be repeated

      --fixed-reply <BYTES>
          Answer every request at once with the same text of so many bytes, for load tests

      --chunks <N>
          Deltas that a stream cuts the fixed reply into

          [default: 100]

      --threads <N>
          Threads that serve. Default: one for each core

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

A provider is KIND=ADDRESS or NAME:KIND=ADDRESS; port 0 takes a free one. Kinds: openai,
azure-openai, anthropic, bedrock, openai-compatible. None given: one of each kind on
127.0.0.1:9101 to 9105. Any key of the right form opens. What they say depends on the seed only.

Faults are rules in a JSON file:
  [{"provider": "openai", "from": "10s", "until": "40s", "fault": "status=401"},
   {"provider": "openai", "share": 0.1, "fault": "cut-after=3"},
   {"provider": "openai", "load_above": 0.6, "share": 0.5, "fault": "status=500"}]
One request can ask for a fault with the header x-sim-fault, such as `status=429,retry-after=2s`.

Quotas are what accounts may use a minute, in a JSON file too:
  [{"provider": "openai", "requests_per_minute": 600, "tokens_per_minute": 200000},
   {"provider": "openai", "from": "10m", "until": "70m", "tokens_per_minute": 60000}]

Answers are lines of JSON, each for texts with a part; --wrong says who gets which share wrong:
  {"when": "capital of France", "say": "Paris", "wrong": "Lyon"}

Examples:
  tieline sim
  tieline sim openai=127.0.0.1:9101 eu:azure-openai=127.0.0.1:9102 --first-token 200ms
  tieline sim openai=127.0.0.1:0 --faults outage.json --format json
  tieline sim openai=127.0.0.1:9101 --quotas quotas.json
  tieline sim openai=127.0.0.1:9101 --first-token 400ms --first-token-p95 1500ms
  tieline sim openai=127.0.0.1:9101 --answers answers.jsonl --wrong gpt-5.4-mini=0.15
  tieline sim openai=127.0.0.1:9101 --fixed-reply 1024 --chunks 100 --threads 1
"#);
}

#[test]
fn schema() {
    assert_snapshot!(help("schema"), @r#"
Print the JSON Schema of tieline.yaml or of eval suites, for editors

Usage: tieline schema [OF]

Arguments:
  [OF]
          What it is the schema of

          Possible values:
          - configuration: The configuration, tieline.yaml
          - suite:         An eval suite

          [default: configuration]

Options:
  -h, --help
          Print help (see a summary with '-h')

Examples:
  tieline schema > tieline.schema.json
  # and as the first line of tieline.yaml:
  # yaml-language-server: $schema=tieline.schema.json
  tieline schema suite > eval-suite.schema.json
"#);
}

#[test]
fn status() {
    assert_snapshot!(help("status"), @r#"
Show the health of deployments and features of a running gateway

Usage: tieline status [OPTIONS]

Options:
      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --admin <ADDRESS>
          The gateway's admin listener, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

A deployment is closed (takes traffic), open (rests), half-open (waits for its probe), ramping (its
traffic returns in steps), drained (taken out by hand) or suspended (it answers otherwise than
before, and is the last resort). A tier is up, dropped (its deployments are out) or settling (it
returns in steps).

Examples:
  tieline status
  tieline status --admin 127.0.0.1:8081 --format json
"#);
}

#[test]
fn deployment() {
    assert_snapshot!(help("deployment"), @r#"
Take deployments of a running gateway out of service, and put them back

Usage: tieline deployment <COMMAND>

Commands:
  drain    Take a deployment out of service
  undrain  Put a deployment back into service
  suspend  Call a deployment only when all else has failed
  resume   Trust a suspended deployment again, as it answers now
  help     Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

Requests under way are finished. A drained deployment gets no new ones, not even where nothing else
is left, until it is put back; reloads and restarts leave it drained. A suspended one is called only
when all else has failed; sentinels suspend what no longer answers as it did. To resume it is to
accept how it answers now. Every change is on record.

Examples:
  tieline deployment drain gpt-5.5@azure-sweden
  tieline deployment undrain gpt-5.5@azure-sweden
  tieline deployment resume gpt-5.5@openai
  tieline audit --limit 5    Show who did
"#);
}

#[test]
fn prices() {
    assert_snapshot!(help("prices"), @r#"
Show, compare and check what models cost

Usage: tieline prices <COMMAND>

Commands:
  list    Show what models cost at a moment
  show    Show a model's prices at every channel: those of long calls, those of before, and what is
          announced
  diff    Show which prices change from one date to another, or from one file to another
  check   Say what is wrong with price files of your own, or how they differ from the built-in lists
  update  Put a newer price file among your own, after showing what it changes
  import  Read a public price catalogue and show every price on which it disagrees with Tieline's
  cost    Say what the use of a model cost
  help    Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

Prices are US dollars; those of tokens are for a million. Price files of your own, which the
configuration names under `prices`, stand over the built-in lists.

Examples:
  tieline prices list --model gpt-5.5
  tieline prices show claude-opus-5-5
  tieline prices diff --from 2026-11-30 --to 2027-01-01
  tieline prices check prices/contract.yaml
"#);
}

#[test]
fn prices_cost() {
    assert_snapshot!(help("prices cost"), @r#"
Say what the use of a model cost

Usage: tieline prices cost [OPTIONS]

Options:
      --model <MODEL>
          What the channel calls the model

      --channel <CHANNEL>
          Surface, scope and service tier, such as azure/geo:eu/flex. Bedrock's ids say their scope

      --usage <JSON>
          What was used, as JSON

      --at <DATE>
          When, instead of now

      --batch <FILE>
          Price every line of this file instead

      --overlay <FILE>
          Price files of your own, instead of those that the configuration names

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Usage counts tokens in buckets that do not overlap: input, cache_read, cache_write_5m,
cache_write_1h, cache_write_other, input_audio, output, reasoning and output_audio; and other units:
characters, audio_seconds, session_seconds, pages, images and the like. What has no price is never
free: exit code 1 says that there is none.

Each line of a batch is {"model":..., "channel":..., "usage":{...}, "at":...}; each line of
its result is what the call cost.

Examples:
  tieline prices cost --model gpt-6.1-sol --channel openai/global/standard \
      --usage '{"input":1000,"cache_read":8000,"output":500}'
  tieline prices cost --model us.anthropic.claude-opus-5-5 --channel bedrock \
      --usage '{"input":1000}' --at 2026-11-22
  tieline prices cost --batch usages.jsonl
"#);
}

#[test]
fn prices_update() {
    assert_snapshot!(help("prices update"), @r#"
Put a newer price file among your own, after showing what it changes

Usage: tieline prices update [OPTIONS] <FILE>

Arguments:
  <FILE>
          The newer file

Options:
      --into <FOLDER>
          The folder of your price files, which the configuration names as `prices: FOLDER/*.yaml`

          [default: prices]

      --accept-large
          Take changes of more than ten times too

      --dry-run
          Show the changes and write nothing

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

The file replaces one of the same name. It is refused, with exit code 1, where a price would become
more than ten times as much or less than a tenth: more often a mistake than a price.

Examples:
  tieline prices update downloads/openai.yaml --dry-run
  tieline prices update downloads/openai.yaml --into /etc/tieline/prices
"#);
}

#[test]
fn cost() {
    assert_snapshot!(help("cost"), @r#"
Show what calls cost, by feature, tier, deployment, caller or day

Usage: tieline cost [OPTIONS]
       tieline cost <COMMAND>

Commands:
  reprice  Price recorded calls again, by the prices that are known now
  help     Print this message or the help of the given subcommand(s)

Options:
      --by <BY>
          What to add up by

          Possible values:
          - feature:    The feature that was asked for
          - tier:       The tier of the feature
          - deployment: The deployment that was called
          - caller:     Who asked
          - day:        The day, in UTC

          [default: feature]

      --since <TIME>
          Requests since then: how long ago (24h) or a time (2026-11-01)

          [default: 30d]

      --until <TIME>
          Requests before then, written in the same ways

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Each upstream call is priced when it ends, by the prices of that time; calls that failed, were
hedged or repeated count too. What has no price is counted apart and never as nothing: where
UNPRICED or PARTIAL is above 0, the amount is a lower bound.

Examples:
  tieline cost
  tieline cost --by day --since 7d
  tieline cost --by deployment --since 2026-11-01 --until 2026-12-01 --format json
  tieline cost reprice --since 7d
"#);
}

#[test]
fn cost_reprice() {
    assert_snapshot!(help("cost reprice"), @r#"
Price recorded calls again, by the prices that are known now

Usage: tieline cost reprice [OPTIONS] --since <TIME>

Options:
      --since <TIME>
          Requests since then: how long ago (24h) or a time (2026-11-01)

      --until <TIME>
          Requests before then, written in the same ways

      --by <BY>
          What to add up by

          Possible values:
          - feature:    The feature that was asked for
          - tier:       The tier of the feature
          - deployment: The deployment that was called
          - caller:     Who asked
          - day:        The day, in UTC

          [default: feature]

      --apply
          Write the new costs into the ledger

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Each call is priced by the prices of its own day, as the configuration and the price lists have them
now: a list that came late, a price that was corrected. Without --apply nothing is written. With it,
what changed is written beside the amount that was recorded first, and the change goes on record
(`tieline audit`). Budgets stay as they were settled.

Examples:
  tieline cost reprice --since 7d
  tieline cost reprice --since 2026-11-01 --until 2026-12-01 --by deployment --format json
  tieline cost reprice --since 2026-11-01 --apply
"#);
}

#[test]
fn contingency() {
    assert_snapshot!(help("contingency"), @r#"
Show which features survive the loss of any one provider, region, cloud or model

Usage: tieline contingency [OPTIONS]

Options:
      --n <N>
          How many independent elements are lost at once: 1 or 2. Pairs have no say in the exit code

          [default: 1]

      --live
          Begin with what is out at the moment, as the running gateway tells

      --feature <FEATURE>
          Show this feature only; it competes with the others all the same

      --growth <TIMES>
          How many times of what the ledger saw is asked for; what is declared stays as it is

          [default: 1]

      --emit-drills <FOLDER>
          Write a drill for each contingency into this folder

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable
          - html:  A page with pictures, for a browser; it needs no network

          [default: table]

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --admin <ADDRESS>
          The gateway's admin listener, instead of the one that the configuration names

  -h, --help
          Print help (see a summary with '-h')

Takes each element away in turn and shares out what is left, by the quotas and demand of the
configuration; demand that is not declared is that of the ledger. T0 is a feature's first tier.
Exit code 1 where a critical feature does not survive every ordinary contingency, 3 where that
cannot be told for want of demand or of quotas that are owed.

Examples:
  tieline contingency
  tieline contingency --live
  tieline contingency --growth 1.5 --feature support-reply
  tieline contingency --n 2 --format json
  tieline contingency --format html > contingency.html
  tieline contingency --emit-drills drills
"#);
}

#[test]
fn route_replay() {
    assert_snapshot!(help("route replay"), @r#"
Show what recorded requests would have met under another configuration, policy or price list

Usage: tieline route replay [OPTIONS] --with <FILE>

Options:
      --since <TIME>
          Requests since then: how long ago (7d) or a time (2026-11-01)

          [default: 7d]

      --until <TIME>
          Requests before then, written in the same ways. Default: now

      --with <FILE>
          The other configuration

      --html <FILE>
          Write a report with charts, for a browser

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Reads the ledger and sends nothing anywhere. Each request is decided again by the same code that
decides in the gateway, with the policies and prices of its time. What was ill then is taken from
the record; what nobody called is taken to be well, and is said to be. The same replay of the
present configuration tells how far the result can be believed.

Examples:
  tieline route replay --since 7d --with next.yaml
  tieline route replay --since 7d --with next.yaml --html replay.html
  tieline route replay --since 2026-11-01 --until 2026-12-01 --with next.yaml --format json
"#);
}

#[test]
fn eval_calibrate() {
    assert_snapshot!(help("eval calibrate"), @r#"
Ask a judge for labels of answers that people have labelled, and say whether it is fit

Usage: tieline eval calibrate [OPTIONS] --labels <FILE> <SUITE>

Arguments:
  <SUITE>
          The suite

Options:
      --judge <NAME>
          The judge, by its name in the suite. Default: the only one

      --labels <FILE>
          Answers that people have labelled, JSONL

      --out <FILE>
          Where labels go. Default: the judge's `calibration`

      --budget-usd <USD>
          The most that may be spent, in dollars

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

A line of --labels is an answer with what people say of it:
{"case": "t1", "answer": "...", "human": true}
`case` is one of the suite's; `fields` in its place are those of another. Judges in pairs need
`other`, the answer that it is compared with; a judge of several graders needs `grader`.

Labels go to the file that the judge names as its `calibration`, each as it comes: what is there is
not asked again, unless the judge, its prompt or the grader has changed since.

Examples:
  tieline eval calibrate suite.yaml --labels people.jsonl
  tieline eval calibrate suite.yaml --judge fair --labels people.jsonl --budget-usd 2

Exit codes: 0 the judge is fit, 1 it is not, 3 it is not, but labels are lacking, 2 wrong usage.
"#);
}

#[test]
fn eval_import() {
    assert_snapshot!(help("eval import"), @r##"
Bring over suites and results of other harnesses, and requests of production

Usage: tieline eval import [OPTIONS] <FILE> [MORE]...

Arguments:
  <FILE>
          The file to import

  [MORE]...
          Files that belong to it: the run of an OpenAI eval, JSONL of its items, further requests

Options:
      --from <FROM>
          Which tool it is from, where the file does not tell

          [possible values: promptfoo, openai, registry, inspect, results, requests]

      --feature <FEATURE>
          The feature that is evaluated. Default: the name of the file or of its folder

      --judge <MODEL@PROVIDER>
          The deployment that judges where the source names none

      --out <DIR>
          The folder to write to

          [default: evals]

      --force
          Write over files that are there

      --strict
          Exit with 1 where something did not come over

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Requests of production (--from requests):
      --sample <N>
          How many requests to take. Default: all

      --seed <N>
          Which requests to take: the same seed takes the same ones

          [default: 1]

      --keep-answers
          Keep what production answered, in the field `reference` of each case

      --scrub <REGEX>
          Take out whatever this regular expression matches as well; may be given several times

      --keep-personal-data
          Take nothing out: the cases hold addresses, numbers and keys as people sent them

Suites and their datasets are written to --out. What does not come over is listed with its place and
kept in the suite under `partial`. Results are written as JSONL, one for each case, arm and repeat.

promptfoo   a configuration, with the files it names
openai      an eval of the Evals API, with its run or items as further files; a run's output items
registry    an entry in the registry of OpenAI's open-source evals
inspect     a log of Inspect: .eval or JSON
results     JSONL of {"id": …, "arm": …, "score" or "pass" or "scores": …}
requests    logs of production requests in the form of OpenAI Chat or Responses, alone or with their
            answers, stored completions, and files of batches; only where --from says so

Of requests, e-mail addresses, telephone numbers, IBANs, payment cards, IP addresses, keys, tokens
and credentials are taken out. Names, and who is told by what is said of them, are not found.

Examples:
  tieline eval import promptfooconfig.yaml --feature support-reply
  tieline eval import eval.json run.json --out evals --strict
  tieline eval import logs/2026-11-23_tickets.eval
  tieline eval import requests.jsonl --from requests --feature support-reply --sample 300
  tieline eval import batch.jsonl output.jsonl --from requests --feature tags --keep-answers
"##);
}

#[test]
fn eval_keygen() {
    assert_snapshot!(help("eval keygen"), @r#"
Make a key that signs attestations

Usage: tieline eval keygen [OPTIONS] --out <FILE>

Options:
      --out <FILE>
          Where to put the private key; an existing file is never overwritten

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

The private key goes to --out, which only you can read; keep it where evals run, and away from
gateways. Only the public key goes to stdout: it is what attestations are checked with.

Examples:
  tieline eval keygen --out eval.key > eval.pub
"#);
}

#[test]
fn eval_due() {
    assert_snapshot!(help("eval due"), @r#"
List the gates to run because a deployment ends or has drifted

Usage: tieline eval due [OPTIONS]

Options:
      --offline
          Ask no gateway: only what the configuration states counts

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --admin <ADDRESS>
          The gateway's admin listener, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

A running gateway knows the days that are stated (`facts: { retires_on: ... }`), those that
providers list, and what sentinels found; with --offline, those that the configuration states count
alone. A gate is due within 60 days of the end, and at once where a deployment has drifted. Exit
code 1 means that some are due.

Examples:
  tieline eval due
  tieline eval due --offline
  tieline eval due --format json
"#);
}

#[test]
fn eval_verify() {
    assert_snapshot!(help("eval verify"), @r#"
Check an attestation, offline

Usage: tieline eval verify [OPTIONS] --key <FILE> <ATTESTATION>

Arguments:
  <ATTESTATION>
          The attestation

Options:
      --key <FILE>
          A file with a public key that is trusted; repeat for more

      --at <TIME>
          The time to check it for. Default: now

      --rows <FILE>
          The rows of the run

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

An attestation holds if one of the keys signed it, the gate passed, and it is in its time. With
--rows it is also checked to be about these rows and no others.

Examples:
  tieline eval verify attestation.json --key eval.pub
  tieline eval verify attestation.json --key old.pub --key new.pub --at 2026-12-31
  tieline eval verify attestation.json --key eval.pub --rows .tieline/evals/RUN/rows.jsonl

Exit codes: 0 it holds, 1 it is refused.
"#);
}

#[test]
fn release() {
    assert_snapshot!(help("release"), @r#"
Bring a deployment into service step by step, and take it back where it does worse

Usage: tieline release <COMMAND>

Commands:
  start     Begin a release
  status    Show releases, and what is proved of them
  promote   Go on to the next stage now, whatever is proved; what is paused serves
  rollback  Take the candidate out now, whatever is proved
  help      Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

A tier lists the deployment among its `release_candidates`. A release mirrors a share of the tier's
requests to it first, which nobody sees and which are billed apart (caller `tieline-shadow`), then
lets it answer 1, 5 and 25 % of the conversations, and then serve. Its answers are compared with
those of what serves; where they are shown to be worse by more than the margin, or fewer, it is
rolled back at once. Looking all the time costs no certainty: the proofs are anytime-valid.

Examples:
  tieline release start support-reply gpt-6@openai
  tieline release start support-reply gpt-6@openai --margin 0.02 --steps 5%,50% --shadow 100%
  tieline release status
  tieline release promote support-reply --reason 'checked by hand'
  tieline release rollback support-reply --reason 'complaints'
  tieline audit --limit 10    Show every stage, and who decided
"#);
}

#[test]
fn release_start() {
    assert_snapshot!(help("release start"), @r#"
Begin a release

Usage: tieline release start [OPTIONS] <FEATURE> <MODEL@PROVIDER>

Arguments:
  <FEATURE>
          The feature

  <MODEL@PROVIDER>
          The deployment, one of the tier's `release_candidates`

Options:
      --tier <TIER>
          The tier, where several list the deployment

      --margin <SHARE>
          How much less often its answers may be good, from 0 to 1

          [default: 0.03]

      --answered-margin <SHARE>
          How much less often it may answer at all, from 0 to 1

          [default: 0.05]

      --alpha <SHARE>
          The probability of a wrong proof, of each kind

          [default: 0.05]

      --shadow <SHARE>
          The share of requests that are mirrored first; 0 leaves that stage out

          [default: 10%]

      --steps <SHARES>
          The shares of conversations that it answers, stage by stage

          [default: 1%,5%,25%]

      --pairs <N>
          Pairs of outcomes that every stage needs before the next

          [default: 100]

      --pairs-max <N>
          Pairs of outcomes after which a release without a proof is paused

          [default: 10000]

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --admin <ADDRESS>
          The gateway's admin listener, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')
"#);
}

#[test]
fn slo() {
    assert_snapshot!(help("slo"), @r#"
Work with service level objectives

Usage: tieline slo <COMMAND>

Commands:
  report  Show how objectives were met, and what is left of their error budgets
  check   Say whether error budgets hold, for scripts: may something risky begin now?
  export  Write objectives as rules for Prometheus or as a dashboard for Grafana
  help    Print this message or the help of the given subcommand(s)

Options:
  -h, --help  Print help

Examples:
  tieline slo report --window 7d
  tieline slo check --max-burn 1
  tieline slo export -o rules.yaml
"#);
}

#[test]
fn slo_export() {
    assert_snapshot!(help("slo export"), @r#"
Write objectives as rules for Prometheus or as a dashboard for Grafana

Usage: tieline slo export [OPTIONS] [FILE]...

Arguments:
  [FILE]...
          The files of objectives. Default: those of the configuration

Options:
      --format <FORMAT>
          For which program

          Possible values:
          - prometheus: Recording and alerting rules
          - grafana:    A dashboard

          [default: prometheus]

      --dialect <DIALECT>
          How rules are named and what they weigh

          Possible values:
          - native: Tieline's own
          - sloth:  Those of Sloth

          [default: native]

  -o, --output <FILE>
          Write into this file instead of stdout

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

  -h, --help
          Print help (see a summary with '-h')

The files are OpenSLO documents and may refer to each other's. Rules read the counter
tieline_sli_events_total of the gateway's /metrics, and the dashboard reads the rules of the same
dialect. Those of the native one weigh requests in every window; those of sloth have the names that
tools for Sloth look for.

Examples:
  tieline slo export -o rules.yaml
  tieline slo export slos/support-reply.yaml -o rules.yaml
  tieline slo export slos/*.yaml --dialect sloth -o rules.yaml
  tieline slo export slos/*.yaml --format grafana -o dashboard.json
"#);
}

#[test]
fn slo_report() {
    assert_snapshot!(help("slo report"), @r#"
Show how objectives were met, and what is left of their error budgets

Usage: tieline slo report [OPTIONS]

Options:
      --feature <FEATURE>
          Objectives of this feature

      --window <TIME>
          The time to look at, up to now. Default: each objective's own window

      --recount
          Count everything anew from the requests on record

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable
          - html:  For browsers: one file, with charts

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Reads what gateways counted by the minute. An objective that has no counts yet, because it is new or
measures something else since, is counted from the requests on record; --recount does so for all.

Examples:
  tieline slo report
  tieline slo report --feature support-reply --window 7d
  tieline slo report --format html > slos.html
  tieline slo report --recount --format json
"#);
}

#[test]
fn slo_check() {
    assert_snapshot!(help("slo check"), @r#"
Say whether error budgets hold, for scripts: may something risky begin now?

Usage: tieline slo check [OPTIONS]

Options:
      --feature <FEATURE>
          Objectives of this feature

      --max-burn <RATE>
          Fail also where the budget is spent faster: at 1 it lasts its window exactly

      --config <FILE>
          The configuration file

          [env: TIELINE_CONFIG]
          [default: tieline.yaml]

      --db <FILE>
          The ledger's database, instead of the one that the configuration names

      --format <FORMAT>
          How to print the result

          Possible values:
          - table: For people
          - json:  For programs; stable

          [default: table]

  -h, --help
          Print help (see a summary with '-h')

Exit code 1: a budget is spent, a page fires, or the budget is spent faster than --max-burn. 3: none
of that, but nothing was counted for an objective.

Examples:
  tieline slo check
  tieline slo check --feature support-reply --max-burn 1
  tieline slo check && kubectl rollout restart deployment/web
"#);
}
