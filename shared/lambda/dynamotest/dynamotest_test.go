package dynamotest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/lambda/dynamotest"
)

func TestConditionalPutHasOneWinner(t *testing.T) { dynamotest.RunOnBothEngines(t, oneWinner) }

func oneWinner(t *testing.T, l dynamotest.Tables) {
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "T#a#"}, "sk": &types.AttributeValueMemberS{Value: "X"}}
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := l.Client.PutItem(context.Background(), &dynamodb.PutItemInput{
				TableName: &l.Ledger, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
			})
			var failed *types.ConditionalCheckFailedException
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &failed):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%d won and %d lost; one writer must win", won.Load(), lost.Load())
	}
}

// The recording path rests on these answers of BatchExecuteStatement.
func TestPartiQLInsertTellsDuplicates(t *testing.T) {
	dynamotest.RunOnBothEngines(t, insertTellsDuplicates)
}

func insertTellsDuplicates(t *testing.T, l dynamotest.Tables) {
	insert := func(sk string) types.BatchStatementRequest {
		return types.BatchStatementRequest{
			Statement:  aws.String(fmt.Sprintf(`INSERT INTO "%s" VALUE {'pk':?,'sk':?}`, l.Incentives)),
			Parameters: []types.AttributeValue{&types.AttributeValueMemberS{Value: "T#a#"}, &types.AttributeValueMemberS{Value: sk}},
		}
	}
	var codes []string
	for _, batch := range [][]types.BatchStatementRequest{{insert("A"), insert("B")}, {insert("B"), insert("C")}} {
		out, err := l.Client.BatchExecuteStatement(context.Background(), &dynamodb.BatchExecuteStatementInput{Statements: batch})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Responses {
			if r.Error == nil {
				codes = append(codes, "ok")
				continue
			}
			codes = append(codes, string(r.Error.Code))
		}
	}
	if got := strings.Join(codes, " "); got != "ok ok DuplicateItem ok" {
		t.Errorf("answers are %q", got)
	}
}

func TestTestsDoNotShareTables(t *testing.T) {
	if a, b := dynamotest.OpenOnLocalAWS(t), dynamotest.OpenOnLocalAWS(t); a.Control == b.Control {
		t.Error("two openings got the same tables")
	}
}
