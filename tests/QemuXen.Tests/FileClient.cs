using System.Buffers.Binary;
using System.Text;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>Sends requests to a <see cref="FileServer"/>, one after the other, by the numbers of Linux's include/net/9p/9p.h.</summary>
internal sealed class FileClient : IAsyncDisposable
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int Truncate = 0x200;
    public const int Append = 0x400;
    public const byte OpenMessage = 12;

    private const int RootFid = 0;
    private const int FileFid = 1;
    private const int PieceSize = 64 * 1024;

    private readonly Stream _stream;
    private readonly Task _serving;

    private FileClient(Stream stream, Task serving)
    {
        _stream = stream;
        _serving = serving;
    }

    /// <summary>Serves a directory over a socket of its own, and mounts it.</summary>
    public static async Task<FileClient> ConnectAsync(string root, string socket)
    {
        using UnixListener listener = new(socket);
        Task<Stream> accepting = listener.AcceptAsync(CancellationToken.None);
        Stream stream = await UnixListener.ConnectAsync(socket, CancellationToken.None);
        FileClient client = new(stream, new FileServer(root).ServeAsync(await accepting, CancellationToken.None));
        byte[] version = await client.AskAsync(100, [.. Number(1 << 20), .. Text("9P2000.L")]);
        Assert.Equal([.. Number(256 * 1024), .. Text("9P2000.L")], version);
        await client.AskAsync(104, [.. Number(RootFid), .. Number(-1), .. Text("root"), .. Text(""), .. Number(0)]);
        return client;
    }

    /// <summary>Sends a message and returns the answer's body.</summary>
    /// <exception cref="RefusedException">The answer is an error.</exception>
    public async Task<byte[]> AskAsync(byte type, byte[] body)
    {
        const int HeaderSize = 7;
        await _stream.WriteAsync((byte[])[.. Number(HeaderSize + body.Length), type, 5, 0, .. body]);
        byte[] header = new byte[HeaderSize];
        await _stream.ReadExactlyAsync(header);
        byte[] answer = new byte[BinaryPrimitives.ReadInt32LittleEndian(header) - HeaderSize];
        await _stream.ReadExactlyAsync(answer);
        if (header[4] == 7)
        {
            throw new RefusedException(BinaryPrimitives.ReadInt32LittleEndian(answer));
        }

        Assert.Equal([(byte)(type + 1), 5, 0], header[4..]);
        return answer;
    }

    /// <summary>Walks from the root; returns how many of the names were found.</summary>
    public async Task<int> WalkAsync(params string[] names) => BinaryPrimitives.ReadUInt16LittleEndian(
        await AskAsync(110, [.. Number(RootFid), .. Number(FileFid), (byte)names.Length, 0, .. names.SelectMany(Text)]));

    public async Task OpenAsync(string name, int flags)
    {
        await (name.Length == 0 ? WalkAsync() : WalkAsync(name));
        await AskAsync(OpenMessage, [.. Number(FileFid), .. Number(flags)]);
    }

    public async Task CreateAsync(string name, int flags, int mode)
    {
        await WalkAsync();
        await AskAsync(14, [.. Number(FileFid), .. Text(name), .. Number(flags), .. Number(mode), .. Number(0)]);
    }

    public async Task WriteAsync(long offset, ReadOnlyMemory<byte> bytes) => Assert.Equal(
        Number(bytes.Length), await AskAsync(118, [.. Number(FileFid), .. LongNumber(offset), .. Number(bytes.Length), .. bytes.Span]));

    public async Task<byte[]> ReadToEndAsync()
    {
        List<byte> content = [];
        while (true)
        {
            byte[] answer = await AskAsync(116, [.. Number(FileFid), .. LongNumber(content.Count), .. Number(PieceSize)]);
            Assert.Equal(answer.Length - 4, BinaryPrimitives.ReadInt32LittleEndian(answer));
            if (answer.Length == 4)
            {
                return [.. content];
            }

            content.AddRange(answer[4..]);
        }
    }

    /// <summary>The opened file's mode and size.</summary>
    public async Task<(int Mode, long Size)> AttributesAsync()
    {
        byte[] answer = await AskAsync(24, [.. Number(FileFid), .. LongNumber(0x7FF)]);
        return (BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(21)), BinaryPrimitives.ReadInt64LittleEndian(answer.AsSpan(49)));
    }

    public Task SetSizeAsync(long size) =>
        AskAsync(26, [.. Number(FileFid), .. Number(8), .. Number(0), .. Number(0), .. Number(0), .. LongNumber(size), .. new byte[32]]);

    /// <summary>The names in the opened directory, and in how many pieces they came.</summary>
    public async Task<(List<string> Names, int Pieces)> ListAsync(int pieceSize)
    {
        List<string> names = [];
        long offset = 0;
        for (int pieces = 0; ; pieces++)
        {
            byte[] answer = await AskAsync(40, [.. Number(FileFid), .. LongNumber(offset), .. Number(pieceSize)]);
            Assert.InRange(answer.Length - 4, 0, pieceSize);
            if (answer.Length == 4)
            {
                return (names, pieces);
            }

            for (int at = 4; at < answer.Length;)
            {
                offset = BinaryPrimitives.ReadInt64LittleEndian(answer.AsSpan(at + 13));
                int length = BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(at + 22));
                names.Add(Encoding.UTF8.GetString(answer, at + 24, length));
                at += 24 + length;
            }
        }
    }

    public Task MakeDirectoryAsync(string name) => AskAsync(72, [.. Number(RootFid), .. Text(name), .. Number(0x1ED), .. Number(0)]);

    public Task RenameAsync(string name, string newName) =>
        AskAsync(74, [.. Number(RootFid), .. Text(name), .. Number(RootFid), .. Text(newName)]);

    public Task RemoveAsync(string name) => AskAsync(76, [.. Number(RootFid), .. Text(name), .. Number(0)]);

    public Task CloseAsync() => AskAsync(120, Number(FileFid));

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        await _serving;
    }

    private static byte[] Number(int value) => BitConverter.GetBytes(value);

    private static byte[] LongNumber(long value) => BitConverter.GetBytes(value);

    private static byte[] Text(string text) =>
        [.. BitConverter.GetBytes((ushort)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>The server's answer is an error.</summary>
    public sealed class RefusedException(int errno) : Exception($"errno {errno}")
    {
        public int Errno => errno;
    }
}
