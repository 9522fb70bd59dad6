using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>
/// Traffic of two guests with each other: over the switch of a Xenlet, and over a bridge of dom0, whose Linux has netback.
/// </summary>
internal sealed class NetworkBackEndMeasurement(
    XenMachine machine, BackEndGuests guests, string directory, bool isQuick, BackEndResults results, CancellationToken cancellationToken)
{
    private const int ServerMemoryMiB = 32;
    private const string TcpFirstLine = "TcpBench listens";
    private const string FramesFirstLine = "NetworkBench has a network interface";

    private static readonly End[] Ends = [new("10.0.0.2", "00:16:3e:00:00:02"), new("10.0.0.3", "00:16:3e:00:00:03")];

    private int _lastRun;

    /// <summary>What is measured of TCP. Both directions are the same between equal guests.</summary>
    public static IReadOnlyList<TcpWork> TcpWorks { get; } = [.. TcpWork.All.Where(work =>
        work is { IsLoopback: false, Kind: TcpWorkKind.Send } or { IsLoopback: false, Kind: TcpWorkKind.Request, Size: 1 })];

    /// <summary>What is measured of frames.</summary>
    public static IReadOnlyList<FrameWork> FrameWorks { get; } = [.. FrameWork.All.Where(work => work is { IsSent: false })];

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        // Published when first needed: of what is not asked for, nothing is.
        Pair xenlets = new(new(() => XenletsAsync("bench/TcpBench")), new(() => XenletsAsync("bench/NetworkBench")));
        Pair linux = new(new(() => LinuxAsync("bench/LinuxTcpBench")), new(() => LinuxAsync("bench/LinuxNetworkBench")));
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await OnSwitchAsync("two Xenlets on a Xenlet's switch" + which, xenlets, results.XenletsOnSwitch);
            await OnSwitchAsync("two Linux guests on a Xenlet's switch" + which, linux, results.LinuxOnSwitch);
            await OnBridgeAsync("two Linux guests on a bridge" + which, linux, results.LinuxOnBridge);
        }

        async Task OnSwitchAsync(string what, Pair pair, BackEndKindResults into)
        {
            await tryAsync($"TCP of {what}", () => guests.ServeAsync(
                ServerMemoryMiB, async server => await MeasureTcpAsync(server, await pair.Tcp.Value, into), into.BackEnd));
            await tryAsync($"frames of {what}", () => guests.ServeAsync(
                ServerMemoryMiB, async server => await MeasureFramesAsync(server, await pair.Frames.Value, into), into.BackEnd));
        }

        async Task OnBridgeAsync(string what, Pair pair, BackEndKindResults into)
        {
            await tryAsync($"TCP of {what}", async () => await MeasureTcpAsync(ServingDomain.Dom0, await pair.Tcp.Value, into));
            await tryAsync($"frames of {what}", async () => await MeasureFramesAsync(ServingDomain.Dom0, await pair.Frames.Value, into));
        }
    }

    private async Task<GuestConfig[]> XenletsAsync(string project)
    {
        MeasuredProgram program = await MeasuredProgram.PublishAsync(project, directory, null, cancellationToken);
        return [.. Ends.Select(end => new GuestConfig
        {
            Name = program.Name,
            Kernel = program.Image,
            MemoryMiB = LinuxGuest.MemoryMiB,
            CommandLine = $"XENLET_IP={end.Ip}/24",
        })];
    }

    private async Task<GuestConfig[]> LinuxAsync(string project)
    {
        MeasuredProgram program = await MeasuredProgram.PublishAsync(project, directory, null, cancellationToken);
        return [.. Ends.Select((end, index) => LinuxGuests.OnNetwork(
            machine.Image, program, directory, string.Create(CultureInfo.InvariantCulture, $"{program.Name}-{index}"), end.Ip))];
    }

    private async Task MeasureTcpAsync(ServingDomain server, GuestConfig[] configs, BackEndKindResults into)
    {
        (XenGuest first, MeasuredGuest receiver) = await StartAsync(server, configs, 0, TcpFirstLine);
        await using XenGuest ownedFirst = first;
        (XenGuest second, MeasuredGuest sender) = await StartAsync(server, configs, 1, TcpFirstLine);
        await using XenGuest ownedSecond = second;
        DomainTimes times = guests.TimesOf(server, first, second);
        foreach (TcpWork work in TcpWorks)
        {
            await WorkAsync(work, "warm", work.QuickCount / 2);
        }

        double[] nothing = await NothingAsync(times, receiver, sender);
        foreach (TcpWork work in TcpWorks)
        {
            int count = isQuick ? work.QuickCount : work.Count;
            await MeasureAsync(server, times, nothing, work.Name, () => WorkAsync(work, work.Name, count), () => count, into);
        }

        into.FrontEnd.Read(second.Console.Text);

        Task WorkAsync(TcpWork work, string name, int count) => receiver.TellAsync(
            $"measure {name}", () => sender.TellAsync(work.PeerCommand(name, Ends[0].Ip, count)));
    }

    private async Task MeasureFramesAsync(ServingDomain server, GuestConfig[] configs, BackEndKindResults into)
    {
        (XenGuest first, MeasuredGuest receiver) = await StartAsync(server, configs, 0, FramesFirstLine);
        await using XenGuest ownedFirst = first;
        (XenGuest second, MeasuredGuest sender) = await StartAsync(server, configs, 1, FramesFirstLine);
        await using XenGuest ownedSecond = second;
        DomainTimes times = guests.TimesOf(server, first, second);
        foreach (FrameWork work in FrameWorks)
        {
            await WorkAsync(work, "warm", 256);
        }

        double[] nothing = await NothingAsync(times, receiver, sender);
        foreach (FrameWork work in FrameWorks)
        {
            int count = isQuick ? work.Count / 4 : work.Count;
            await MeasureAsync(
                server, times, nothing, work.Name, () => WorkAsync(work, work.Name, count), () => Arrived(work.Name), into);
            into.FrontEnd.Add($"{work.Name}.lost", 1 - ((double)Arrived(work.Name) / count));
        }

        into.FrontEnd.Read(first.Console.Text);

        Task WorkAsync(FrameWork work, string name, int count)
        {
            int run = ++_lastRun;
            return receiver.TellAsync(
                work.Command(name, run, count), () => sender.TellAsync(work.PushCommand(name, run, count, Ends[0].Mac)));
        }

        // Who receives says how many arrived.
        int Arrived(string name)
        {
            WorkResults one = new();
            one.Read(first.Console.Text);
            double arrived = one[$"{name}.arrived"].Values[^1];
            return arrived > 0 ? (int)arrived : throw new BenchException($"no frame arrived ({name})");
        }
    }

    /// <summary>Measures work by all that takes part in it.</summary>
    private static async Task MeasureAsync(
        ServingDomain server, DomainTimes times, double[] nothing, string name, Func<Task> workAsync, Func<int> count,
        BackEndKindResults into)
    {
        double[] each = await server.MeasureAsync(times, nothing, name, workAsync, count);
        into.BackEnd.Add($"{name}.processor", each[0]);
        into.FrontEnd.Add($"{name}.processor", each[1..].Sum());
    }

    /// <summary>What it takes to tell both guests something.</summary>
    private static Task<double[]> NothingAsync(DomainTimes times, MeasuredGuest receiver, MeasuredGuest sender) => times.MeasureAsync(
        () => receiver.TellAsync("memory nothing", () => sender.TellAsync("memory nothing")));

    private Task<(XenGuest Guest, MeasuredGuest Program)> StartAsync(
        ServingDomain server, GuestConfig[] configs, int index, string firstLine) =>
        guests.StartAsync(configs[index] with { Vifs = [server.Interface(Ends[index].Mac)] }, firstLine);

    /// <summary>A guest on the network.</summary>
    private sealed record End(string Ip, string Mac);

    /// <summary>Two guests of one kind, with either program.</summary>
    private sealed record Pair(Lazy<Task<GuestConfig[]>> Tcp, Lazy<Task<GuestConfig[]>> Frames);
}
