package revocation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/lambda/httpapi"
)

var _ httpapi.Revocations = (*revocation.List)(nil)

// table answers with one tenant's list, and counts how often it was asked.
type table struct {
	subjects map[string]types.AttributeValue
	err      error
	reads    int
}

func (f *table) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	f.reads++
	out := &dynamodb.GetItemOutput{}
	if in.Key["pk"].(*types.AttributeValueMemberS).Value == keys.Revocations("demo").PK && f.subjects != nil {
		out.Item = map[string]types.AttributeValue{revocation.SubjectsAttribute: &types.AttributeValueMemberM{Value: f.subjects}}
	}
	return out, f.err
}

var instant = time.Unix(1_790_000_000, 0)

func caller(tenant ident.Tenant, subject string, expires time.Time) identity.Principal {
	return identity.Principal{Tenant: tenant, Subject: subject, Expires: expires}
}

func TestRevoked(t *testing.T) {
	f := &table{subjects: map[string]types.AttributeValue{"a@demo": &types.AttributeValueMemberN{Value: "1790000600"}}}
	l := revocation.New(f, "control", func() time.Time { return instant })
	for name, c := range map[string]struct {
		who  identity.Principal
		want bool
	}{
		"token of the subject":  {caller("demo", "a@demo", instant.Add(10*time.Minute)), true},
		"later token":           {caller("demo", "a@demo", instant.Add(10*time.Minute+time.Second)), false},
		"other subject":         {caller("demo", "b@demo", instant), false},
		"subject of a stranger": {caller("other", "a@demo", instant), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := l.IsRevoked(context.Background(), c.who); err != nil || got != c.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestKnowledgeIsNeverOlderThanMaxAge(t *testing.T) {
	f, now := &table{}, instant
	l := revocation.New(f, "control", func() time.Time { return now })
	who := caller("demo", "a@demo", instant.Add(time.Hour))
	ask := func(want bool, reads int) {
		t.Helper()
		got, err := l.IsRevoked(context.Background(), who)
		if err != nil || got != want || f.reads != reads {
			t.Fatalf("got %v, %v after %d reads, want %v after %d", got, err, f.reads, want, reads)
		}
	}
	ask(false, 1)
	f.subjects = map[string]types.AttributeValue{"a@demo": &types.AttributeValueMemberN{Value: "9999999999"}}
	now = now.Add(revocation.MaxAge - time.Millisecond)
	ask(false, 1)
	now = now.Add(time.Millisecond)
	ask(true, 2)
}

func TestAnUnreadableListIsAnError(t *testing.T) {
	broken := errors.New("broken")
	l := revocation.New(&table{err: broken}, "control", func() time.Time { return instant })
	if _, err := l.IsRevoked(context.Background(), caller("demo", "a", instant)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	odd := &table{subjects: map[string]types.AttributeValue{"a": &types.AttributeValueMemberS{Value: "x"}}}
	if _, err := revocation.New(odd, "control", func() time.Time { return instant }).IsRevoked(context.Background(), caller("demo", "a", instant)); err == nil {
		t.Error("a list that is not understood was taken as empty")
	}
}
