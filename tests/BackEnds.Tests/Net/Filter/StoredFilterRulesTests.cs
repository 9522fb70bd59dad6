using System.Threading.Channels;
using Xenlet.XenBus.Tests;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>Rules in a real xenstored, written by dom0 below a domain's <c>data/filter</c>.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisposeAsync does.")]
public sealed class StoredFilterRulesTests : IAsyncLifetime
{
    private const string Node = Host.Home + "/data/filter";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly PacketFilter _filter = new();
    private readonly Channel<string> _reports = Channel.CreateUnbounded<string>();
    private Host _host = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();

        // As libxl makes it: dom0's nodes below it are the domain's own.
        await Host.MakeAsync(_host.Dom0, Host.Home + "/data", Host.Guest, 0);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Rules_are_taken_when_they_are_written_and_a_wrong_text_changes_nothing_and_says_why()
    {
        await using StoredFilterRules stored = await StartAsync();
        Assert.Equal("default drop", _filter.Rules.ToString());
        await WriteAsync("rules", "accept tcp to port 80\ndefault reject");
        await ReportsAsync("change 1: 1 rule, default reject");
        Assert.Equal("accept tcp to port 80\ndefault reject", _filter.Rules.ToString());
        await ReadsAsync("in-force", "change 1: 1 rule, default reject");

        await WriteAsync("rules", "accept tcp to port 80\naccept udp to port x");
        const string Error = "rules: line 2, column 20: expected a port, or ports like 8000-8080, found 'x'";
        await ReportsAsync(Error);
        await ReadsAsync("error", Error);
        await ReadsAsync("in-force", "change 1: 1 rule, default reject");
        Assert.Equal(1, _filter.Rules.Count);

        await WriteAsync("rules", "");
        await ReportsAsync("change 2: 0 rules, default drop");
        await ReadsAsync("error", null);
    }

    [Fact]
    public async Task Rules_that_are_there_already_are_in_force_at_once_and_stay_when_the_node_goes()
    {
        await WriteAsync("rules", "default accept");
        await using StoredFilterRules stored = await StartAsync();
        Assert.Equal(FilterVerdict.Accept, _filter.Rules.Default);
        await _host.Dom0.RemoveAsync(Node);
        await WriteAsync("rules", "default reject");
        await ReportsAsync("change 1: 0 rules, default accept");
        await ReportsAsync("change 2: 0 rules, default reject");
    }

    [Fact]
    public async Task Further_nodes_continue_the_text_in_the_order_of_their_names_and_errors_name_them()
    {
        await using StoredFilterRules stored = await StartAsync();
        await _host.Dom0.TransactAsync(async (transaction, cancellationToken) =>
        {
            await transaction.WriteAsync($"{Node}/rules/20-mail", "accept tcp to port 25\n\naccept tcp to port 587", cancellationToken);
            await transaction.WriteAsync($"{Node}/rules/10-web", "accept tcp to port 80", cancellationToken);
            await transaction.WriteAsync($"{Node}/rules", "default reject", cancellationToken);
        });
        await ReportsAsync("change 1: 3 rules, default reject");
        Assert.StartsWith("accept tcp to port 80\naccept tcp to port 25", _filter.Rules.ToString(), StringComparison.Ordinal);
        await WriteAsync("rules/20-mail", "accept tcp to port 25\n\naccept mail");
        await ReportsAsync(
            "rules/20-mail: line 3, column 8: expected ipv4, ipv6, a protocol, from, to or the end of the rule, found 'mail'");
    }

    private ValueTask<StoredFilterRules> StartAsync() =>
        StoredFilterRules.StartAsync(_filter, _host.GuestStore, report: line => _reports.Writer.TryWrite(line));

    private ValueTask WriteAsync(string name, string text) => _host.Dom0.WriteAsync($"{Node}/{name}", text);

    private async Task ReportsAsync(string expected) =>
        Assert.Equal(expected, await _reports.Reader.ReadAsync().AsTask().WaitAsync(Patience));

    private async Task ReadsAsync(string name, string? expected) =>
        Assert.Equal(expected, await _host.Dom0.TryReadAsync($"{Node}/{name}"));
}
