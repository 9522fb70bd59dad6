using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Reads a directory: whole if it fits in one message, otherwise in parts (DIRECTORY_PART). Each part names the directory's generation; if
/// that changes in between, reading starts again.
/// </summary>
internal static class DirectoryReader
{
    private const int MaxRestarts = 32;

    public static async ValueTask<string[]?> ReadAsync(
        XenStoreOperations operations, string path, bool absentIsNull, CancellationToken cancellationToken)
    {
        try
        {
            return await operations
                .OnPath(XenStoreMessageType.Directory, path, Decoders.Names, cancellationToken, absentIsDefault: absentIsNull)
                .ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.E2BIG && error.Operation == XenStoreMessageType.Directory)
        {
            return await ReadPartsAsync(operations, path, absentIsNull, error, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private static async ValueTask<string[]?> ReadPartsAsync(
        XenStoreOperations operations, string path, bool absentIsNull, XenStoreException tooLarge, CancellationToken cancellationToken)
    {
        List<string> names = [];
        ulong generation = 0;
        int offset = 0;
        int restarts = 0;
        while (true)
        {
            Part? read;
            try
            {
                read = await operations.OnPath(
                    XenStoreMessageType.DirectoryPart, path, PartDecoder, cancellationToken,
                    second: offset.ToString(CultureInfo.InvariantCulture), absentIsDefault: absentIsNull)
                        .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException error) when (offset == 0 && error.Error == XenStoreError.ENOSYS)
            {
                // A server without DIRECTORY_PART (oxenstored): tell the caller that the directory is too large.
                throw tooLarge;
            }

            if (read is not { } part)
            {
                return null;
            }

            if (offset > 0 && part.Generation != generation)
            {
                if (++restarts > MaxRestarts)
                {
                    throw Failure(path, XenStoreError.EAGAIN, $"the directory changed {restarts} times while it was read");
                }

                names.Clear();
                offset = 0;
                // A part at offset 0 is as good as one from a new request; any other is not.
                continue;
            }

            generation = part.Generation;
            names.AddRange(part.Names);
            offset += part.Bytes;
            if (part.IsLast)
            {
                return [.. names];
            }

            if (part.Names.Count == 0)
            {
                throw Failure(path, XenStoreError.ProtocolViolation, $"the part at offset {offset} is empty, yet not the last");
            }

            if (offset > XenStoreLimits.MaxDirectory)
            {
                throw Failure(path, XenStoreError.ProtocolViolation,
                    $"the directory has more than {XenStoreLimits.MaxDirectory} bytes of names");
            }
        }
    }

    private static readonly Decoder<Part?> PartDecoder = static (body, _) => Part.Read(body);

    private static XenStoreException Failure(string path, XenStoreError error, string detail) =>
        new(XenStoreMessageType.DirectoryPart, path, error, error.ToWireName(), detail);

    /// <summary>One reply: the generation, then names. An empty name marks the end of the directory.</summary>
    private readonly record struct Part(ulong Generation, List<string> Names, int Bytes, bool IsLast)
    {
        public static Part Read(ReadOnlySpan<byte> body)
        {
            XenStoreStrings strings = new(body);
            if (!strings.MoveNext() || !strings.IsTerminated
                || !ulong.TryParse(strings.Current, NumberStyles.None, CultureInfo.InvariantCulture, out ulong generation))
            {
                throw new DecodeException(
                    XenStoreError.ProtocolViolation, $"the part {Decoders.Show(body)} does not begin with a generation");
            }

            List<string> names = [];
            int bytes = 0;
            while (strings.MoveNext())
            {
                if (strings.Current.IsEmpty)
                {
                    return strings.Rest.IsEmpty
                        ? new(generation, names, bytes, IsLast: true)
                        : throw new DecodeException(XenStoreError.ProtocolViolation, "names follow the directory's end");
                }

                if (!strings.IsTerminated)
                {
                    throw new DecodeException(XenStoreError.ProtocolViolation, "the part's last name is not terminated");
                }

                names.Add(Decoders.ReadName(strings.Current));
                bytes += strings.Current.Length + 1;
            }

            return new(generation, names, bytes, IsLast: false);
        }
    }
}
