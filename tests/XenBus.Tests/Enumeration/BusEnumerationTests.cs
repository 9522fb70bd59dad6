using XenStoreMessageType = Xenlet.XenStoreRing.XenStoreMessageType;

namespace Xenlet.XenBus.Tests;

/// <summary>What an enumeration finds in a store, without a bus.</summary>
public sealed class BusEnumerationTests : IAsyncLifetime
{
    private Host _host = null!;
    private BareEnumeration _enumeration = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        _enumeration = new(_host);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task New_devices_below_a_scope_arrive_in_the_order_of_their_nodes()
    {
        await _host.AddAsync("vif/0");
        await _host.AddAsync("vbd/2");
        await _host.AddAsync("vbd/1");

        EnumerationResult result = await _enumeration.ExamineScopeAsync("device");

        Assert.Equal([Arrived("vbd/1"), Arrived("vbd/2"), Arrived("vif/0")], result.Findings);
        Assert.True(result.IsWhole);
    }

    [Fact]
    public async Task A_scope_leaves_out_what_lies_elsewhere()
    {
        await _host.AddAsync("vif/0");
        await _host.AddAsync("vbd/1");
        KnownDevice elsewhere = new("vif/1");
        _enumeration.Known.Add(elsewhere);
        _enumeration.Skipped.Skip("device/vif/2", "is not new");

        EnumerationResult result = await _enumeration.ExamineScopeAsync("device/vbd", notify: true);

        Assert.Equal([Arrived("vbd/1")], result.Findings);
        Assert.Equal(0, elsewhere.Checks);
    }

    [Fact]
    public async Task A_scope_covers_what_no_list_shows_any_more()
    {
        _enumeration.Known.Add(new("vbd/1") { Check = NodeCheck.Gone });
        _enumeration.Skipped.Skip("device/vbd/2", "is not new");
        _enumeration.Skipped.GiveUp("device/vbd/3");

        EnumerationResult result = await _enumeration.ExamineScopeAsync("device");

        Assert.Contains(new Finding.Departed("device/vbd/1", "has left the store"), result.Findings);
        Assert.Empty(_enumeration.Skipped.Nodes);
    }

    [Theory]
    [InlineData(nameof(NodeCheck.Gone), "has left the store")]
    [InlineData(nameof(NodeCheck.SetUpAnew), "was set up anew")]
    public async Task A_device_that_is_another_or_none_departs(string check, string reason)
    {
        await _host.AddAsync("vbd/1");
        _enumeration.Known.Add(new("vbd/1") { Check = Enum.Parse<NodeCheck>(check) });

        Assert.Equal(
            [new Finding.Departed("device/vbd/1", reason)],
            (await _enumeration.ExamineNodeAsync("device/vbd/1", "/state", "/online")).Findings);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("/backend", true)]
    [InlineData("/backend-id", true)]
    [InlineData("/state", false)]
    [InlineData("/online", false)]
    public async Task A_device_departs_when_a_change_may_be_another_other_end_and_is(string change, bool mayBe)
    {
        await _host.AddAsync("vbd/1");
        _enumeration.Known.Add(new("vbd/1") { OtherEnd = new(5, Host.BackEnd("vbd/1")) });

        Finding finding = Assert.Single((await _enumeration.ExamineNodeAsync("device/vbd/1", change)).Findings);

        Assert.Equal(mayBe ? new Finding.Departed("device/vbd/1", "has another other end") : null, finding as Finding.Departed);
    }

    [Theory]
    [InlineData(nameof(NodeCheck.Present), new[] { "/state", "/online" }, new[] { "/online", "/state" })]
    [InlineData(nameof(NodeCheck.BeingWritten), new[] { "/state", "/online" }, new[] { "/online" })]
    [InlineData(nameof(NodeCheck.BeingWritten), new[] { "" }, new[] { "" })]
    [InlineData(nameof(NodeCheck.BeingWritten), new[] { "/state" }, new string[0])]
    public async Task A_drivers_changes_are_those_that_arrived_but_for_a_state_that_this_end_is_writing(
        string check, string[] changes, string[] told)
    {
        await _host.AddAsync("vbd/1");
        _enumeration.Known.Add(new("vbd/1") { Check = Enum.Parse<NodeCheck>(check) });

        Finding finding = Assert.Single((await _enumeration.ExamineNodeAsync("device/vbd/1", changes)).Findings);

        Assert.Equal(told, (finding as Finding.Changed)?.Changes ?? []);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("/state", 1)]
    [InlineData("/online", 0)]
    public async Task A_change_that_leaves_the_state_alone_costs_no_read_of_it(string change, int checks)
    {
        await _host.AddAsync("vbd/1");
        KnownDevice device = new("vbd/1");
        _enumeration.Known.Add(device);

        await _enumeration.ExamineNodeAsync("device/vbd/1", change);

        Assert.Equal(checks, device.Checks);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_scope_verifies_each_known_device_and_notifies_if_it_is_to(bool notify)
    {
        await _host.AddAsync("vbd/1");
        KnownDevice device = new("vbd/1");
        _enumeration.Known.Add(device);

        Finding finding = Assert.Single((await _enumeration.ExamineScopeAsync("device", notify)).Findings);

        Assert.Equal(1, device.Checks);
        Assert.Equal(notify ? [""] : [], (finding as Finding.Changed)?.Changes ?? []);
    }

    [Fact]
    public async Task A_node_is_skipped_once_for_each_reason_and_again_after_it_was_gone()
    {
        await _host.AddAsync("vbd/1", XenBusState.Closed);
        Assert.Equal([InUse("vbd/1", XenBusState.Closed)], await ExamineAsync());
        Assert.Equal([new Finding.Nothing("device/vbd/1")], await ExamineAsync());
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Connected);
        Assert.Equal([InUse("vbd/1", XenBusState.Connected)], await ExamineAsync());
        await _host.RemoveAsync("vbd/1");
        Assert.Equal([new Finding.Nothing("device/vbd/1")], await ExamineAsync());
        await _host.AddAsync("vbd/1", XenBusState.Connected);
        Assert.Equal([InUse("vbd/1", XenBusState.Connected)], await ExamineAsync());

        async Task<IReadOnlyList<Finding>> ExamineAsync() =>
            (await _enumeration.ExamineNodeAsync("device/vbd/1", "/state")).Findings;
    }

    [Fact]
    public async Task A_device_that_was_given_up_arrives_after_its_state_has_been_another()
    {
        await _host.AddAsync("vbd/1");
        _enumeration.Skipped.GiveUp("device/vbd/1");
        Assert.Equal(
            [new Finding.Skipped("device/vbd/1", "was given up, and is left alone until its state has been another")],
            (await _enumeration.ExamineScopeAsync("device")).Findings);

        await _host.SetFrontStateAsync("vbd/1", XenBusState.Closed);
        await _enumeration.ExamineScopeAsync("device");
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Initialising);

        Assert.Equal([Arrived("vbd/1")], (await _enumeration.ExamineScopeAsync("device")).Findings);
    }

    [Fact]
    public async Task A_node_without_another_end_is_skipped_with_what_is_missing()
    {
        await _host.AddAsync("vbd/1");
        await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd/1/backend-id");

        Assert.Equal(
            [new Finding.Skipped("device/vbd/1", "has no other end: backend-id is missing")],
            (await _enumeration.ExamineScopeAsync("device")).Findings);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_device_in_use_is_reset_in_the_first_enumeration_only(bool isFirst)
    {
        BareEnumeration enumeration = new(_host) { IsFirst = isFirst };
        await _host.AddAsync("vbd/1", XenBusState.Connected);

        Finding finding = Assert.Single((await enumeration.ExamineScopeAsync("device")).Findings);

        Finding expected = isFirst ? Arrived("vbd/1") : InUse("vbd/1", XenBusState.Connected);
        Assert.Equal(expected, finding);
        Assert.Equal(
            isFirst ? ["device/vbd/1 | vbd/1: was left Connected by who ran here before, and is reset"] : [], enumeration.Reports);
    }

    [Theory]
    [InlineData("EIO", 1)]
    [InlineData("EACCES", 0)]
    public async Task A_directory_that_cannot_be_listed_is_reported_and_listed_again_if_the_error_is_no_answer(string error, int unlisted)
    {
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vif/0");
        _host.Faults.Fail(XenStoreMessageType.Directory, "device/vbd", error, () => true);

        EnumerationResult result = await _enumeration.ExamineScopeAsync("device", notify: true);

        Assert.Equal([Arrived("vif/0")], result.Findings);
        Assert.Equal(Enumerable.Repeat("device/vbd", unlisted), result.Unlisted);
        Assert.Empty(result.Unexamined);
        Assert.StartsWith(
            "device/vbd | device: device/vbd cannot be looked at, and stays what it was: ",
            Assert.Single(_enumeration.Reports),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EIO", 1)]
    [InlineData("EACCES", 0)]
    public async Task A_node_that_cannot_be_read_is_reported_once_and_examined_again_if_the_error_is_no_answer(string error, int unexamined)
    {
        await _host.AddAsync("vbd/1");
        _host.Faults.Fail(XenStoreMessageType.Read, "device/vbd/1/backend", error, () => true);

        await _enumeration.ExamineNodeAsync("device/vbd/1", "/state", "/online");
        EnumerationResult result = await _enumeration.ExamineNodeAsync("device/vbd/1", "/state", "/online");

        Assert.DoesNotContain(result.Findings, finding => finding is not Finding.Nothing);
        Assert.Equal(
            Enumerable.Repeat("device/vbd/1: /online /state", unexamined),
            result.Unexamined.Select(node => $"{node.Key}: {string.Join(' ', node.Value.Order(StringComparer.Ordinal))}"));
        Assert.Single(_enumeration.Reports);
    }

    private static Finding.Arrived Arrived(string name) => new("device/" + name, new(0, Host.BackEnd(name)));

    private static Finding.Skipped InUse(string name, XenBusState state) =>
        new("device/" + name, $"is not new, and is left alone: its state is {state}");
}
