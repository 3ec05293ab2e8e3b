package clockdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/lambda/dynamotest"
)

type stub struct {
	text  string
	err   error
	calls int
}

func (s *stub) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	s.calls++
	return &dynamodb.GetItemOutput{Item: map[string]types.AttributeValue{Attribute: &types.AttributeValueMemberS{Value: s.text}}}, s.err
}

func TestOtherStagesRefuseToStart(t *testing.T) {
	t.Setenv(Variable, "2026-08-01")
	if _, err := New("prod", &stub{}, "control"); err == nil {
		t.Error("stage prod started with a settable business date")
	}
	if _, err := New(StageLocal, &stub{}, "control"); err != nil {
		t.Errorf("stage local: %v", err)
	}
	t.Setenv(Variable, "")
	c, err := New("prod", &stub{text: "2020-01-01"}, "control")
	if err != nil {
		t.Fatal(err)
	}
	if today, err := c.Today(context.Background()); err != nil || today.Year() < 2026 {
		t.Errorf("stage prod has the business date %v (%v); it must not read one", today, err)
	}
}

func TestDateIsReadOnceASecond(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := &stub{text: "2026-09-15"}
	d := &storedDate{client: s, table: "control", now: func() time.Time { return now }}
	for range 3 {
		if day, err := d.current(context.Background()); err != nil || day != civil.MustDate("2026-09-15") {
			t.Fatalf("day %v, error %v", day, err)
		}
	}
	if s.calls != 1 {
		t.Errorf("%d reads within a second, want 1", s.calls)
	}
	now, s.text = now.Add(maxAge), ""
	if day, err := d.current(context.Background()); err != nil || !day.IsZero() {
		t.Errorf("after clearing: day %v, error %v; want no day", day, err)
	}
	now, s.err = now.Add(maxAge), errors.New("throttled")
	if _, err := d.current(context.Background()); err == nil {
		t.Error("a failed read gave a date; a wrong date would be taxed")
	}
}

func TestDateFromTheTable(t *testing.T) { dynamotest.RunOnBothEngines(t, readsTheDate) }

func readsTheDate(t *testing.T, l dynamotest.Tables) {
	k := keys.BusinessDate()
	_, err := l.Client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &l.Control, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK},
		Attribute: &types.AttributeValueMemberS{Value: "2026-10-15"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(StageLocal, l.Client, l.Control)
	if err != nil {
		t.Fatal(err)
	}
	if today, err := c.Today(context.Background()); err != nil || today != civil.MustDate("2026-10-15") {
		t.Errorf("today is %v (%v)", today, err)
	}
}
