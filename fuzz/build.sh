# Sourced by run and ci: builds the fuzzer and rewrites a copy of it. What is shipped is never touched.
build_fuzzer() { dotnet build "$here/$1" -c Release --nologo -v quiet "-clp:ErrorsOnly;NoSummary" -p:RunAnalyzers=false "${@:2}" >&2; }

# From a folder of build output to one of rewritten assemblies.
rewrite() {
  local from=$1 to=$2
  [ "$to/edges.tsv" -nt "$from/Meshara.Fuzz.dll" ] && [ "$to/edges.tsv" -nt "$from/Meshara.dll" ] && [ "$to/edges.tsv" -nt "$from/Meshara.Mdns.dll" ] &&
    [ "$to/edges.tsv" -nt "$from/Meshara.Sqlite.dll" ] && [ "$to/edges.tsv" -nt "$from/Meshara.Cli.dll" ] && [ "$to/edges.tsv" -nt "$instrumenter" ] && return 0
  rm -rf "$to"
  mkdir -p "$(dirname "$to")"
  cp -R "$from" "$to"
  dotnet "$instrumenter" "$to" >&2
}

instrumenter=$here/Meshara.Fuzz.Instrument/bin/Release/net10.0/Meshara.Fuzz.Instrument.dll

build_instrumented() {
  build_fuzzer Meshara.Fuzz.Instrument
  build_fuzzer Meshara.Fuzz
  rewrite "$here/Meshara.Fuzz/bin/Release/net10.0" "$here/bin/instrumented"
}

build_planted() {
  build_fuzzer Meshara.Fuzz.Instrument
  build_fuzzer Meshara.Fuzz -p:PlantedBug=true
  rewrite "$here/Meshara.Fuzz/bin/planted" "$here/bin/planted"
}
