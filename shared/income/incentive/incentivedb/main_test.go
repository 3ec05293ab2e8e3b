package incentivedb

import (
	"os"
	"testing"

	"fenzhang/shared/lambda/dynamotest"
)

// The promises hold on both stores.
func TestMain(m *testing.M) { os.Exit(dynamotest.RunAllOnBothEngines(m)) }
