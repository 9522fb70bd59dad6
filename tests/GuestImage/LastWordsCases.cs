using System.Net;
using System.Net.Sockets;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// A program that ends as soon as it has sent a mebibyte to another host: <c>last-words ADDRESS PORT WAY</c>. It closes its socket and
/// returns, leaves it open and returns, or throws. The stack and the services are not disposed of. The guest's address is on the command
/// line.
/// </summary>
internal static class LastWordsCases
{
    /// <summary>The seed of the bytes that are sent.</summary>
    private const int Seed = 7;

    public static IEnumerable<Case> All =>
    [
        new("last-words", args => RunAsync(new(IPAddress.Parse(args[0]), int.Parse(args[1])), args[2]).GetAwaiter().GetResult()),
    ];

    private static async Task<int> RunAsync(IPEndPoint peer, string way)
    {
        SocketStack stack = new(Guest.Sockets.Open(), new()
        {
            Addresses = AddressSettings.FromEnvironment(),
            Report = Console.Error.WriteLine,
        });
        stack.Start();

        // In an emulator on a busy machine, so many bytes take longer than the usual limit.
        _ = await DomainServices.StartAsync(
            Guest.Machine, new() { Interfaces = new() { LinkUser = stack }, DeliveryTimeLimit = TimeSpan.FromMinutes(2) });
        byte[] words = new byte[1 << 20];
        new Random(Seed).NextBytes(words);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(peer);
        socket.SendBufferSize = words.Length;
        for (int sent = 0; sent < words.Length;)
        {
            sent += socket.Send(words, sent, words.Length - sent, SocketFlags.None);
        }

        Console.WriteLine("last words: all are accepted");
        switch (way)
        {
            case "closes":
                socket.Dispose();
                break;
            case "throws":
                throw new InvalidOperationException("nobody catches this");
        }

        GC.KeepAlive(socket);
        return 3;
    }
}
