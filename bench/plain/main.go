// Command plain is the handler with which record-incentive is compared: a straightforward function
// with the gateway's event type, the standard JSON decoder, an unchanged SDK, and one conditional
// put.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/ident"
)

// event is the part of an incentive event that the handler stores.
type event struct {
	EventID    string        `json:"event_id"`
	CreatorID  ident.Creator `json:"creator_id"`
	ActionType string        `json:"action_type"`
	OccurredAt string        `json:"occurred_at"`
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		slog.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	db, table := dynamodb.NewFromConfig(cfg), os.Getenv("TABLE_INCENTIVES")
	lambda.Start(func(ctx context.Context,
		call events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		var e event
		if err := json.Unmarshal([]byte(call.Body), &e); err != nil {
			//nolint:nilerr // it is the caller's mistake
			return events.APIGatewayV2HTTPResponse{StatusCode: 400}, nil
		}
		_, err := db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &table, ConditionExpression: aws.String("attribute_not_exists(pk)"),
			Item: map[string]types.AttributeValue{
				"pk": text("T#bench#E#" + e.EventID), "sk": text("E"), "cr": text(string(e.CreatorID)),
				"ac": text(e.ActionType), "at": text(e.OccurredAt),
			},
		})
		var taken *types.ConditionalCheckFailedException
		switch {
		case errors.As(err, &taken):
			return events.APIGatewayV2HTTPResponse{StatusCode: 200,
				Body: `{"event_id":"` + e.EventID + `"}`}, nil
		case err != nil:
			return events.APIGatewayV2HTTPResponse{}, err
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: 201, Body: `{"event_id":"` + e.EventID + `"}`},
			nil
	})
}

// text returns a string attribute.
func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
