package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authgraph/authgraph/store/storetest"
)

// TestMain runs the tests on each kind of database. It lets the scripts in testdata run this
// program as the command authgraph.
func TestMain(m *testing.M) {
	testscript.Main(storetest.Rounds(m), map[string]func(){"authgraph": main})
}

// TestCommands runs the scripts in testdata: the command line as its users see it.
func TestCommands(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("AUTHGRAPH_BCRYPT_COST", "10")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector keeps every command for a second
			if storetest.OnPostgres() {
				env.Setenv("POSTGRES", storetest.Postgres(env.T().(testing.TB)))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Getuid() == 0 || name == "postgres" && storetest.OnPostgres(), nil
		},
	})
}
