using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.GuestImage;

/// <summary>A server of DNS (RFC 1035) with a few names, by UDP and TCP.</summary>
internal sealed class NameServer : IDisposable
{
    private const int Port = 53;
    private const int HeaderSize = 12;
    private const int LargestDatagram = 512;
    private const ushort TypeA = 1;
    private const ushort TypeCname = 5;
    private const ushort TypePtr = 12;
    private const ushort TypeAaaa = 28;
    private const ushort Response = 0x8180;
    private const ushort Truncated = 0x0200;
    private const ushort NoSuchName = 3;

    private readonly Socket _datagrams;
    private readonly Socket _streams;
    private readonly Func<string, ushort, bool> _answers;
    private int _questions;
    private int _streamQuestions;

    /// <param name="address">Where it serves.</param>
    /// <param name="answers">Whether it answers at all when it is asked for a name's records of a type.</param>
    public NameServer(IPAddress address, Func<string, ushort, bool>? answers = null)
    {
        _answers = answers ?? ((_, _) => true);
        _datagrams = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _datagrams.Bind(new IPEndPoint(address, Port));
        _streams = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _streams.Bind(new IPEndPoint(address, Port));
        _streams.Listen();
        _ = ServeDatagramsAsync();
        _ = ServeStreamsAsync();
    }

    /// <summary>Questions that have come.</summary>
    public int Questions => Volatile.Read(ref _questions);

    /// <summary>Questions that have come by TCP.</summary>
    public int StreamQuestions => Volatile.Read(ref _streamQuestions);

    public void Dispose()
    {
        _datagrams.Dispose();
        _streams.Dispose();
    }

    private async Task ServeDatagramsAsync()
    {
        byte[] buffer = new byte[LargestDatagram];
        IPEndPoint any = new(_datagrams.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                SocketReceiveFromResult came = await _datagrams.ReceiveFromAsync(buffer, any);
                if (Answer(buffer.AsSpan(0, came.ReceivedBytes), LargestDatagram) is { } answer)
                {
                    await _datagrams.SendToAsync(answer, came.RemoteEndPoint);
                }
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeStreamsAsync()
    {
        try
        {
            while (true)
            {
                using NetworkStream stream = new(await _streams.AcceptAsync(), ownsSocket: true);
                byte[] length = new byte[2];
                while (await stream.ReadAtLeastAsync(length, 2, throwOnEndOfStream: false) == 2)
                {
                    byte[] question = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                    await stream.ReadExactlyAsync(question);
                    Interlocked.Increment(ref _streamQuestions);
                    if (Answer(question, ushort.MaxValue) is { } answer)
                    {
                        byte[] whole = new byte[answer.Length + 2];
                        BinaryPrimitives.WriteUInt16BigEndian(whole, (ushort)answer.Length);
                        answer.CopyTo(whole, 2);
                        await stream.WriteAsync(whole);
                    }
                }
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException or IOException)
        {
        }
    }

    private byte[]? Answer(ReadOnlySpan<byte> question, int largest)
    {
        string name = ReadName(question[HeaderSize..], out int nameLength);
        int questionLength = HeaderSize + nameLength + 4;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(question[(HeaderSize + nameLength)..]);
        Interlocked.Increment(ref _questions);
        if (!_answers(name, type))
        {
            return null;
        }

        (ushort Type, byte[] Data)[]? records = RecordsOf(name, type);
        List<byte> answer = [.. question[..questionLength]];

        // A pointer to the question's name; what follows an alias belongs to the name that it stands for.
        byte[] owner = [0xC0, HeaderSize];
        foreach ((ushort recordType, byte[] data) in records ?? [])
        {
            // Class IN; a time to live of a minute.
            answer.AddRange([.. owner, 0, (byte)recordType, 0, 1, 0, 0, 0, 60, 0, (byte)data.Length, .. data]);
            owner = recordType == TypeCname ? data : owner;
        }

        bool isTruncated = answer.Count > largest;
        byte[] bytes = isTruncated ? [.. answer[..questionLength]] : [.. answer];
        ushort flags = (ushort)(Response | (records is null ? NoSuchName : 0) | (isTruncated ? Truncated : 0));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), flags);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)(isTruncated ? 0 : records?.Length ?? 0));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), 0);
        return bytes;
    }

    private static (ushort Type, byte[] Data)[]? RecordsOf(string name, ushort type) => (name, type) switch
    {
        ("a.test" or "second.test", TypeA) => [(TypeA, [192, 0, 2, 1])],
        ("a.test" or "second.test", TypeAaaa) => [(TypeAaaa, IPAddress.Parse("2001:db8::1").GetAddressBytes())],
        ("local.test", TypeA) => [(TypeA, [127, 0, 0, 1])],
        ("alias.test", TypeA) => [(TypeCname, WriteName("local.test")), (TypeA, [127, 0, 0, 1])],
        ("many.test", TypeA) => [.. Enumerable.Range(1, 100).Select(i => (TypeA, (byte[])[192, 0, 2, (byte)i]))],
        ("1.2.0.192.in-addr.arpa", TypePtr) => [(TypePtr, WriteName("a.test"))],
        ("a.test" or "second.test" or "local.test" or "alias.test" or "many.test" or "empty.test" or "silent.test", _) => [],
        _ => null,
    };

    private static string ReadName(ReadOnlySpan<byte> bytes, out int length)
    {
        List<string> labels = [];
        int at = 0;
        for (; bytes[at] != 0; at += bytes[at] + 1)
        {
            labels.Add(Encoding.ASCII.GetString(bytes.Slice(at + 1, bytes[at])));
        }

        length = at + 1;
        return string.Join('.', labels).ToLowerInvariant();
    }

    private static byte[] WriteName(string name) =>
        [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];
}
