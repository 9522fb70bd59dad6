using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.GuestImage;

/// <summary>
/// The other end of tests/NetworkPeer: every frame of the tests is checked and sent back, a UDP datagram is answered in several ways, and
/// <c>xl shutdown</c> ends it. "network-echo" leaves vif1 to the TCP/IP stack, and echoes streams there.
/// </summary>
internal static class NetworkCases
{
    private const string StackInterface = "vif1";
    private const int EtherTypeIPv4 = 0x0800;
    private const int UdpPort = 7777;

    public static IEnumerable<Case> All =>
    [
        new("network", () => RunAsync(null)),
        new("network-echo", () => EchoCases.RunBesideAsync(stack => RunAsync(new OneInterface(stack)))),
    ];

    private static async Task RunAsync(INetworkLinkUser? user)
    {
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            asked.TrySetResult();
        });
        GuestStatistics before = Guest.ReadStatistics();
        Task showing = Task.CompletedTask;
        DomainServicesOptions options = new()
        {
            Interfaces = new() { LinkUser = user },
            BeforeStart = starting => showing = ShowAsync(starting.FrontBus.Subscribe()),
            Control = new() { ShutdownTimeLimit = TimeSpan.FromMinutes(10) },

            // The orderly end is what is shown, however long the machine takes for it.
            Bus = new() { ShutdownTimeLimit = TimeSpan.FromMinutes(2) },
        };
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, options))
        {
            using CancellationTokenSource ending = new();
            Task serving = ServeAllAsync(services.Interfaces, user is not null, ending.Token);
            Console.WriteLine("following");
            await asked.Task;
            await ending.CancelAsync();
            await serving;
            Console.WriteLine(await DeviceTree.FormatAsync(services.FrontBus));
        }

        await showing;
        Leftovers.Report(before);
    }

    private static async Task ShowAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Console.WriteLine(happened);
        }
    }

    private static async Task ServeAllAsync(NetworkDriver driver, bool hasStack, CancellationToken ending)
    {
        HashSet<NetworkInterface> served = [];

        // By polling, so that an interface that comes and goes cannot be missed.
        List<Task> all = [];
        while (!ending.IsCancellationRequested)
        {
            foreach (NetworkInterface network in driver.Interfaces)
            {
                if ((!hasStack || network.Name != StackInterface) && served.Add(network))
                {
                    network.StateChanged += (_, change) => Console.WriteLine($"{network.Name} is {change.State}");
                    if (network.IsUp)
                    {
                        // It may have happened before this waited for it.
                        Console.WriteLine($"{network.Name} is {NetworkState.Up}");
                    }

                    all.Add(ServeAsync(network, ending));
                }
            }

            await Task.Delay(20, CancellationToken.None);
        }

        await Task.WhenAll(all);
    }

    private static async Task ServeAsync(NetworkInterface network, CancellationToken ending)
    {
        long echoed = 0;
        long changed = 0;
        try
        {
            Console.WriteLine($"serving {network}");
            while (true)
            {
                FrameBuffer frame = await network.ReceiveAsync(ending);
                if (TestFrame.IsOne(frame.Data))
                {
                    if (TestFrame.NumberOf(frame.Data) < 0)
                    {
                        changed++;
                        frame.Dispose();
                        network.Flush();
                        continue;
                    }

                    echoed++;
                    Turn(frame.Data);

                    // Frames that have come together are sent together.
                    await network.SendAsync(frame, hasMore: network.WaitingFrames > 0, ending);
                    continue;
                }

                using (frame)
                {
                    if (IsForUs(frame.Data, network))
                    {
                        await AnswerAsync(network, frame, ending);
                    }

                    // The bridge sends its own frames between those of the test, and those before may have been sent as if another
                    // followed.
                    network.Flush();
                }
            }
        }
        catch (NetworkInterfaceGoneException gone)
        {
            Console.WriteLine(gone.Message);
        }
        catch (OperationCanceledException)
        {
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{network.Name} echoed {echoed}, changed {changed}"));
    }

    /// <summary>The sender becomes the receiver.</summary>
    private static void Turn(Span<byte> frame)
    {
        Span<byte> address = stackalloc byte[6];
        frame[..6].CopyTo(address);
        frame[6..12].CopyTo(frame);
        address.CopyTo(frame[6..]);
    }

    private static bool IsForUs(ReadOnlySpan<byte> frame, NetworkInterface network) =>
        frame.Length >= 42
            && new MacAddress(frame[..6]) == network.Address
            && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherTypeIPv4
        && frame[14] == 0x45 && frame[23] == 17 && BinaryPrimitives.ReadUInt16BigEndian(frame[36..]) == UdpPort;

    /// <summary>
    /// Answers a datagram with one whose checksum is wrong, one whose checksum is left to the back end, and one that is complete.
    /// </summary>
    private static async ValueTask AnswerAsync(NetworkInterface network, FrameBuffer asked, CancellationToken ending)
    {
        Console.WriteLine(
            $"udp: blank {asked.IsChecksumBlank}, validated {asked.IsChecksumValidated}, right {InternetChecksum.IsRight(asked.Data)}, "
            + $"right when filled {InternetChecksum.TryFill(asked.Data) && InternetChecksum.IsRight(asked.Data)}");
        foreach (string text in (string[])["wrong", "blank", "last"])
        {
            FrameBuffer answer = Answer(network, asked.Data, Encoding.ASCII.GetBytes(text));
            if (text == "wrong")
            {
                InternetChecksum.TryFill(answer.Data);
                answer.Data[^1] ^= 1;
            }
            else if (text == "blank")
            {
                InternetChecksum.TryFillPseudoHeader(answer.Data);
                answer.IsChecksumBlank = true;
            }
            else
            {
                InternetChecksum.TryFill(answer.Data);
            }

            await network.SendAsync(answer, ending);
        }
    }

    private static FrameBuffer Answer(NetworkInterface network, ReadOnlySpan<byte> asked, ReadOnlySpan<byte> text)
    {
        FrameBuffer frame = network.RentFrame(42 + text.Length);
        frame.Length = 42 + text.Length;
        Span<byte> data = frame.Data;
        asked[6..12].CopyTo(data);
        asked[..6].CopyTo(data[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(data[12..], EtherTypeIPv4);
        Span<byte> ip = data[14..];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(28 + text.Length));
        ip[8] = 64;
        ip[9] = 17;
        asked[30..34].CopyTo(ip[12..]);
        asked[26..30].CopyTo(ip[16..]);
        uint sum = 0;
        for (int i = 0; i < 20; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~(sum + (sum >> 16)));
        Span<byte> udp = ip[20..];
        asked[36..38].CopyTo(udp);
        asked[34..36].CopyTo(udp[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)(8 + text.Length));
        text.CopyTo(udp[8..]);
        return frame;
    }

    /// <summary>A stack that has one interface alone.</summary>
    private sealed class OneInterface(INetworkLinkUser stack) : INetworkLinkUser
    {
        public bool TryTake(NetworkLink link) => link.Name == StackInterface && stack.TryTake(link);

        public void Wake(NetworkLink link) => stack.Wake(link);

        public void Watch(IEventChannel channel) => stack.Watch(channel);

        public Task FinishAsync(bool isProgramEnding, TimeSpan limit) => stack.FinishAsync(isProgramEnding, limit);
    }
}
