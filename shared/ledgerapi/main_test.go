package ledgerapi_test

import (
	"os"
	"testing"

	"fenzhang/local/dynamotest"
)

// Balances, the journal and the closing of periods keep their promises on both stores.
func TestMain(m *testing.M) { os.Exit(dynamotest.RunBoth(m)) }
