using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// A guest with the interfaces vif0 and vif1, on whose bridges somebody echoes at port 5000: <c>interfaces ADDRESS0 ADDRESS1</c>. It says
/// from which address it reaches either, and which interfaces there are, whenever they change. What comes to port 7 goes back; to port 8
/// too, but by vif1 alone. <c>xl shutdown</c> ends it.
/// </summary>
internal static class InterfaceCases
{
    private const int EchoPort = 7;
    private const int BoundPort = 8;
    private const int PeerPort = 5000;

    // linux/socket.h
    private const int SolSocket = 1;
    private const int SoBindToDevice = 25;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    public static IEnumerable<Case> All =>
        [new("interfaces", args => RunAsync(IPAddress.Parse(args[0]), IPAddress.Parse(args[1])).GetAwaiter().GetResult())];

    private static async Task<int> RunAsync(IPAddress first, IPAddress second)
    {
        using CancellationTokenSource ending = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            ending.Cancel();
        });
        using SocketStack stack = new(
            Guest.Sockets.Open(), SocketStackOptions.FromEnvironment() with { Report = Console.Error.WriteLine });
        stack.Start();
        await using DomainServices services = await DomainServices.StartAsync(
            Guest.Machine, new() { Interfaces = new() { LinkUser = stack } });
        using TcpListener everywhere = new(IPAddress.Any, EchoPort);
        everywhere.Start();
        while (!(HasAddress("vif0") && HasAddress("vif1")))
        {
            await Task.Delay(s_interval);
        }

        using TcpListener bound = new(IPAddress.Any, BoundPort);
        BindToDevice(bound.Server, "vif1"u8);
        bound.Start();
        Task[] all =
        [
            EchoCases.EchoStreamsAsync(everywhere, ending.Token), EchoCases.EchoStreamsAsync(bound, ending.Token),
            ListAsync(ending.Token),
        ];
        await ConnectAsync("freely", first, _ => { });
        await ConnectAsync("freely", second, _ => { });
        await ConnectAsync("bound to vif0", second, socket => BindToDevice(socket, "vif0"u8));
        await ConnectAsync("bound to vif1", first, socket => BindToDevice(socket, "vif1"u8));
        foreach (IPAddress own in AddressesOf("vif0").Where(each => each.AddressFamily == AddressFamily.InterNetwork))
        {
            await ConnectAsync($"as {own}", first, socket => socket.Bind(new IPEndPoint(own, 0)));
        }

        Console.WriteLine("interfaces: ready");
        await foreach (Task ended in Task.WhenEach(all))
        {
            // One that fails ends the program with its exception, although the others go on.
            await ended;
        }

        Console.WriteLine($"interfaces: {stack.Faults} faults");
        return 0;
    }

    private static void BindToDevice(Socket socket, ReadOnlySpan<byte> name) =>
        socket.SetRawSocketOption(SolSocket, SoBindToDevice, name);

    /// <summary>Connects, has a byte echoed, and says from which address.</summary>
    private static async Task ConnectAsync(string how, IPAddress to, Action<Socket> prepare)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        string result;
        try
        {
            prepare(socket);
            await socket.ConnectAsync(to, PeerPort);
            byte[] buffer = [42];
            await socket.SendAsync(buffer);
            buffer[0] = 0;
            int count = await socket.ReceiveAsync(buffer);
            result = $"from {((IPEndPoint)socket.LocalEndPoint!).Address}, echoed: {count == 1 && buffer[0] == 42}";
        }
        catch (SocketException failure)
        {
            result = $"failed: {failure.SocketErrorCode}";
        }

        Console.WriteLine($"interfaces: {how} to {to} {result}");
    }

    /// <summary>Says which interfaces there are with their addresses, but for the link-local ones, which follow the hardware's.</summary>
    private static async Task ListAsync(CancellationToken cancellationToken)
    {
        string known = "";
        while (!cancellationToken.IsCancellationRequested)
        {
            string list;
            try
            {
                // They stand in the order in which they connected.
                list = string.Join("; ", NetworkInterface.GetAllNetworkInterfaces()
                    .Select(each => each.Name)
                    .Order(StringComparer.Ordinal)
                    .Select(name => $"{name} {string.Join(' ', AddressesOf(name).Where(address => !address.IsIPv6LinkLocal))}"));
            }
            catch (Exception failure) when (failure is ArgumentException or NetworkInformationException)
            {
                // An interface went between two looks of .NET at it, which then mixes up its list (SystemNative_GetNetworkInterfaces).
                list = known;
            }

            if (list != known)
            {
                Console.WriteLine($"interfaces: there are {list}");
                known = list;
            }

            await Task.Delay(s_interval, CancellationToken.None);
        }
    }

    private static bool HasAddress(string name) =>
        AddressesOf(name).Any(each => each.AddressFamily == AddressFamily.InterNetwork);

    private static IEnumerable<IPAddress> AddressesOf(string name) => NetworkInterface.GetAllNetworkInterfaces()
        .Where(each => each.Name == name)
        .SelectMany(each => each.GetIPProperties().UnicastAddresses)
        .Select(each => each.Address);
}
