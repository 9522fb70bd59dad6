using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>
/// TCP of dom0 and a Linux guest: through the switch of a Xenlet and its uplink to dom0's bridge, and with an interface on that bridge.
/// </summary>
internal sealed class UplinkMeasurement(
    XenMachine machine, BackEndGuests guests, string directory, bool isQuick, BackEndResults results, CancellationToken cancellationToken)
{
    private const int ServerMemoryMiB = 32;
    private const int PeerSeconds = 180;
    private const string FirstLine = "TcpBench listens";
    private const string Address = "10.0.0.2";
    private const string Mac = "00:16:3e:00:00:02";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private (GuestConfig Guest, string Peer)? _prepared;

    /// <summary>What is measured.</summary>
    public static IReadOnlyList<TcpWork> Works { get; } = [.. TcpWork.All.Where(work =>
        !work.IsLoopback && (work.IsBulk || work is { Kind: TcpWorkKind.Request, Size: 1 }))];

    /// <summary>The name of the figure with dom0's processor time, in which is that of its end of the connections.</summary>
    public static string InDom0(TcpWork work) => work.Name + ".dom0";

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("TCP of dom0 with a Linux guest through a Xenlet's uplink" + which, () => guests.ServeAsync(
                ServerMemoryMiB, server => MeasureAsync(server, results.ThroughUplink), results.ThroughUplink.BackEnd, hasUplink: true));
            await tryAsync("TCP of dom0 with a Linux guest on a bridge" + which, () => MeasureAsync(
                ServingDomain.Dom0, results.ToDom0));
        }
    }

    /// <summary>Publishes the program of both ends, when it is first needed.</summary>
    private async Task<(GuestConfig Guest, string Peer)> PrepareAsync()
    {
        MeasuredProgram program = await MeasuredProgram.PublishAsync("bench/LinuxTcpBench", directory, null, cancellationToken);
        return (
            LinuxGuests.OnNetwork(machine.Image, program, directory, "linux-uplink", Address),
            await machine.CopyProgramAsync(program.Image, cancellationToken));
    }

    private async Task MeasureAsync(ServingDomain server, BackEndKindResults into)
    {
        (GuestConfig config, string peer) = _prepared ??= await PrepareAsync();
        (XenGuest guest, MeasuredGuest program) = await guests.StartAsync(config with { Vifs = [server.Interface(Mac)] }, FirstLine);
        await using XenGuest owned = guest;
        await ReachAsync();
        DomainTimes times = guests.TimesOf([server.Domain, 0, guest.DomainId]);
        foreach (TcpWork work in Works)
        {
            await WorkAsync(work, "warm", work.QuickCount / 2, new WorkResults());
        }

        double[] nothing = await times.MeasureAsync(() => program.TellAsync("memory nothing"));
        foreach (TcpWork work in Works)
        {
            int count = isQuick ? work.QuickCount : work.Count;
            double[] each = await server.MeasureAsync(
                times, nothing, work.Name, () => WorkAsync(work, work.Name, count, into.FrontEnd), () => count);
            if (server.Program is not null)
            {
                into.BackEnd.Add($"{work.Name}.processor", each[0]);
            }

            into.BackEnd.Add(InDom0(work), each[1]);
            into.FrontEnd.Add($"{work.Name}.processor", each[2]);
        }

        Task WorkAsync(TcpWork work, string name, int count, WorkResults rates) =>
            program.TellAsync($"measure {name}", () => PeerAsync(peer, work, name, count, rates));
    }

    /// <summary>Gives dom0 its address, and waits until the guest answers.</summary>
    private async Task ReachAsync()
    {
        const string script = $"""
            ifconfig xenbr0 10.0.0.1 netmask 255.255.255.0
            ip neigh flush dev xenbr0
            until ping -c 1 -W 1 {Address} > /dev/null; do usleep 50000; done
            """;
        (await machine.RunInDom0Async(script, Limit, cancellationToken)).ThrowIfFailed("dom0 and the guest");
    }

    private async Task PeerAsync(string peer, TcpWork work, string name, int count, WorkResults into)
    {
        string command = string.Create(
            CultureInfo.InvariantCulture, $"timeout {PeerSeconds} {peer} {work.PeerArguments(name, Address, count)}");
        into.Read((await machine.RunInDom0Async(command, Limit, cancellationToken)).ThrowIfFailed("dom0's end").Output);
    }
}
