using System.Text;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.Fuzz.Targets;

/// <summary>The bytes of xenstore's stream: whole messages are found wherever it is cut, and every payload is decoded or refused.</summary>
internal static class XenStoreMessages
{
    public static byte[][] Tokens { get; } =
    [
        [16, 0, 0, 0], [15, 0, 0, 0], [2, 0, 0, 0], [0, 16, 0, 0], [1, 16, 0, 0],
        .. new[] { "OK\0", "T\0", "F\0", "n0\0", "b7\0", "/local/domain/0\0", "name\0other\0", "-2147483648", "4294967296", "1\0a\0\0" }
            .Select(Encoding.Latin1.GetBytes),
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        int piece = script.Byte() + 1;
        byte[] stream = script.Rest().ToArray();
        List<byte> taken = [];
        string whole = Read(stream, int.MaxValue, taken);
        string cut = Read(stream, piece, []);
        Assert.Equal(whole, cut);
        Assert.True(stream.AsSpan().StartsWith(taken.ToArray()), "the messages are not the stream's bytes");
    }

    private static string Read(ReadOnlySpan<byte> stream, int piece, List<byte> taken)
    {
        XenStoreMessageBuffer buffer = new();
        StringBuilder read = new();
        Span<byte> bytes = stackalloc byte[XenStoreHeader.Size];
        try
        {
            while (!stream.IsEmpty)
            {
                Span<byte> free = buffer.GetFree().Span;
                int count = Math.Min(Math.Min(piece, stream.Length), free.Length);
                Assert.NotEqual(0, count);
                stream[..count].CopyTo(free);
                stream = stream[count..];
                buffer.Advance(count);
                while (buffer.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
                {
                    Assert.Equal((int)header.Length, body.Length);
                    header.Write(bytes);
                    taken.AddRange(bytes);
                    taken.AddRange(body);
                    read.Append(header.Type.ToWireName()).Append(header.RequestId).Append(' ');
                    Decode(body, read);
                }
            }
        }
        catch (XenStoreException error)
        {
            read.Append(error.Message);
        }

        return read.ToString();
    }

    private static void Decode(ReadOnlySpan<byte> body, StringBuilder read)
    {
        Try(Decoders.Text, body, read);
        Try(Decoders.Int32, body, read);
        Try(Decoders.Int64, body, read);
        Try(Decoders.Done, body, read);
        Try(Decoders.TrueOrFalse, body, read);
        Try(Decoders.TransactionId, body, read);
        Try(Decoders.DomainPath, body, read);
        foreach (string name in Try(Decoders.Names, body, read) ?? [])
        {
            Assert.Null(XenStorePath.FindBrokenRule(name));
        }

        foreach (XenStorePermissionEntry entry in Try(Decoders.Permissions, body, read) ?? [])
        {
            byte[] written = Encoding.Latin1.GetBytes(entry.ToString());
            bool isSame = XenStorePermissionEntry.TryParse(written, out XenStorePermissionEntry again) && again == entry;
            Assert.True(isSame, $"{entry} is not read as it is written");
        }
    }

    private static T? Try<T>(Decoder<T> decoder, ReadOnlySpan<byte> body, StringBuilder read)
    {
        try
        {
            T value = decoder(body, Memory<byte>.Empty);
            read.Append(value);
            return value;
        }
        catch (DecodeException error)
        {
            read.Append(error.Error);
            return default;
        }
    }
}
