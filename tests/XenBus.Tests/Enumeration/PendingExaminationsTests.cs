namespace Xenlet.XenBus.Tests;

/// <summary>The pending examinations, without a store.</summary>
public sealed class PendingExaminationsTests
{
    private const string Root = "device";
    private readonly PendingExaminations _pending = new(Root);

    [Fact]
    public void What_was_taken_waits_no_more()
    {
        _pending.AddScope("device/vbd", notify: false);
        _pending.AddNode("device/vif/0", "/state");

        Assert.False(_pending.Take().IsEmpty);
        Assert.True(_pending.Take().IsEmpty);
    }

    [Fact]
    public void Changes_of_one_node_wait_together_and_each_once()
    {
        _pending.AddNode("device/vbd/1", "/state");
        _pending.AddNode("device/vbd/1", "/online");
        _pending.AddNode("device/vbd/1", "/state");
        _pending.AddNode("device/vbd/2", "");

        Assert.Equal(["device/vbd/1: /online /state", "device/vbd/2: "], Nodes(_pending.Take()));
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    public void A_scope_that_was_once_to_notify_notifies(bool first, bool second, bool expected)
    {
        _pending.AddScope("device/vbd", first);
        _pending.AddScope("device/vbd", second);

        Assert.Equal([KeyValuePair.Create("device/vbd", expected)], _pending.Take().Scopes);
    }

    [Fact]
    public void The_change_beyond_a_nodes_limit_waits_as_any_change()
    {
        for (int change = 0; change < PendingExaminations.MaxChanges; change++)
        {
            _pending.AddNode("device/vbd/1", $"/{change}");
        }

        _pending.AddNode("device/vbd/1", "/one-more");
        _pending.AddNode("device/vbd/1", "/and-another");

        HashSet<string> changes = _pending.Take().Nodes["device/vbd/1"];
        Assert.Equal(PendingExaminations.MaxChanges + 1, changes.Count);
        Assert.Contains("", changes);
        Assert.DoesNotContain("/one-more", changes);
    }

    [Fact]
    public void The_node_beyond_the_limit_makes_one_examination_of_everything_that_notifies()
    {
        FillNodes();
        _pending.AddNode("device/vbd/one-more", "/state");

        ExaminationRequest taken = _pending.Take();
        Assert.Empty(taken.Nodes);
        Assert.Equal([KeyValuePair.Create(Root, true)], taken.Scopes);
    }

    [Fact]
    public void A_node_that_waits_takes_another_change_when_there_is_room_for_no_other_node()
    {
        FillNodes();
        _pending.AddNode("device/vbd/0", "/online");

        ExaminationRequest taken = _pending.Take();
        Assert.Equal(PendingExaminations.MaxNodes, taken.Nodes.Count);
        Assert.Equal(["/online", "/state"], taken.Nodes["device/vbd/0"].Order(StringComparer.Ordinal));
        Assert.Empty(taken.Scopes);
    }

    [Fact]
    public void What_failed_waits_from_its_retry_on_and_not_before()
    {
        Assert.False(_pending.HasFailed);
        _pending.KeepFailed(Result([], ["device/vbd"], [("device/vif/0", ["/online"])]));
        Assert.True(_pending.HasFailed);
        Assert.True(_pending.Take().IsEmpty);

        _pending.RetryFailed();

        Assert.False(_pending.HasFailed);
        ExaminationRequest taken = _pending.Take();
        Assert.Equal([KeyValuePair.Create("device/vbd", false)], taken.Scopes);
        Assert.Equal(["device/vif/0: /online"], Nodes(taken));
    }

    [Fact]
    public void A_path_that_could_not_be_listed_notifies_when_retried_if_a_scope_above_it_was_to_notify()
    {
        _pending.KeepFailed(Result([("device/vbd", true), ("device/vif", false)], ["device/vbd", "device/vif", "device/vbd2"], []));

        _pending.RetryFailed();

        Assert.Equal(
            [KeyValuePair.Create("device/vbd", true), KeyValuePair.Create("device/vbd2", false), KeyValuePair.Create("device/vif", false)],
            _pending.Take().Scopes.OrderBy(scope => scope.Key, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_examination_of_the_whole_bus_that_failed_in_a_part_is_retried_as_a_whole(bool notify)
    {
        _pending.KeepFailed(Result([(Root, notify)], ["device/vbd"], []));

        _pending.RetryFailed();

        Assert.Equal([KeyValuePair.Create(Root, notify)], _pending.Take().Scopes);
    }

    [Fact]
    public void Failures_of_one_node_are_retried_together()
    {
        _pending.KeepFailed(Result([], [], [("device/vbd/1", ["/online"])]));
        _pending.KeepFailed(Result([], [], [("device/vbd/1", ["", "/online"])]));

        _pending.RetryFailed();

        Assert.Equal(["device/vbd/1:  /online"], Nodes(_pending.Take()));
    }

    [Fact]
    public void A_node_that_failed_without_a_change_is_retried_at_its_state()
    {
        _pending.KeepFailed(Result([], [], [("device/vbd/1", [])]));

        _pending.RetryFailed();

        Assert.Equal(["device/vbd/1: /state"], Nodes(_pending.Take()));
    }

    private void FillNodes()
    {
        for (int node = 0; node < PendingExaminations.MaxNodes; node++)
        {
            _pending.AddNode($"device/vbd/{node}", "/state");
        }
    }

    private static string[] Nodes(ExaminationRequest request) =>
    [
        .. request.Nodes.OrderBy(node => node.Key, StringComparer.Ordinal)
            .Select(node => $"{node.Key}: {string.Join(' ', node.Value.Order(StringComparer.Ordinal))}"),
    ];

    private static EnumerationResult Result(
        (string Path, bool Notify)[] scopes, string[] unlisted, (string Node, HashSet<string> Changes)[] unexamined) => new(
            scopes.ToDictionary(scope => scope.Path, scope => scope.Notify),
            [],
            unlisted,
            unexamined.ToDictionary(node => node.Node, node => node.Changes));
}
