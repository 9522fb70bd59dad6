using System.Text;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing;

/// <summary>
/// The operations on nodes, both of a <see cref="XenStoreClient"/> and inside a <see cref="XenStoreTransaction"/>. Many may be in progress
/// at once; requests are sent in the order of the calls.
/// </summary>
/// <remarks>
/// Failures are <see cref="XenStoreException"/>. The server may still carry out a cancelled request. Await each returned
/// <see cref="ValueTask"/> once.
/// </remarks>
public abstract class XenStoreOperations
{
    private protected XenStoreOperations(XenStoreConnection connection) => Connection = connection;

    private protected XenStoreConnection Connection { get; }

    /// <summary>The transaction of the requests, or 0. Throws if it has ended.</summary>
    private protected abstract uint TransactionForRequest { get; }

    /// <summary>Reads a node's value as UTF-8 text.</summary>
    public ValueTask<string> ReadAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath<string>(XenStoreMessageType.Read, path, Decoders.Text!, cancellationToken);

    /// <summary>Reads a node's value as UTF-8 text; <see langword="null"/> if there is no such node.</summary>
    public ValueTask<string?> TryReadAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.Text, cancellationToken, absentIsDefault: true);

    /// <summary>Reads a node's value.</summary>
    public ValueTask<byte[]> ReadBytesAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath<byte[]>(XenStoreMessageType.Read, path, Decoders.Bytes!, cancellationToken);

    /// <summary>Reads a node's value; <see langword="null"/> if there is no such node.</summary>
    public ValueTask<byte[]?> TryReadBytesAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.Bytes, cancellationToken, absentIsDefault: true);

    /// <summary>
    /// Reads a node's value into the caller's memory without allocating, and returns its length. A value that does not fit fails with
    /// <see cref="XenStoreError.E2BIG"/>. After a cancellation the memory is not touched any more.
    /// </summary>
    public ValueTask<int> ReadAsync(string path, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.Copy, cancellationToken, destination: destination);

    /// <summary>Reads a decimal number. Any other value fails with <see cref="XenStoreError.BadValue"/>.</summary>
    public ValueTask<int> ReadInt32Async(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.Int32, cancellationToken);

    /// <summary>Reads a decimal number; <see langword="null"/> if there is no such node.</summary>
    public ValueTask<int?> TryReadInt32Async(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.NullableInt32, cancellationToken, absentIsDefault: true);

    /// <summary>Reads a decimal number. Any other value fails with <see cref="XenStoreError.BadValue"/>.</summary>
    public ValueTask<long> ReadInt64Async(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.Int64, cancellationToken);

    /// <summary>Reads a decimal number; <see langword="null"/> if there is no such node.</summary>
    public ValueTask<long?> TryReadInt64Async(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.NullableInt64, cancellationToken, absentIsDefault: true);

    /// <summary>Whether the node exists. A node that may not be read fails with <see cref="XenStoreError.EACCES"/>.</summary>
    public ValueTask<bool> ExistsAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Read, path, Decoders.True, cancellationToken, absentIsDefault: true);

    /// <summary>Writes a node's value as UTF-8 text. Creates the node and missing nodes above it.</summary>
    public ValueTask WriteAsync(string path, string value, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        return WriteAsync(path, Encoding.UTF8.GetBytes(value), cancellationToken);
    }

    /// <summary>Writes a node's value in decimal.</summary>
    public ValueTask WriteAsync(string path, long value, CancellationToken cancellationToken = default) =>
        WriteAsync(path, value.ToString(System.Globalization.CultureInfo.InvariantCulture), cancellationToken);

    /// <summary>
    /// Writes a node's value. Creates the node and missing nodes above it. The memory must not change until the write has completed.
    /// </summary>
    public ValueTask WriteAsync(string path, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default) =>
        DoneOnPath(XenStoreMessageType.Write, path, cancellationToken, tail: value);

    /// <summary>Creates a node with an empty value, and missing nodes above it. Does nothing if it exists.</summary>
    public ValueTask MakeDirectoryAsync(string path, CancellationToken cancellationToken = default) =>
        DoneOnPath(XenStoreMessageType.MakeDirectory, path, cancellationToken);

    /// <summary>Removes a node and everything below it. xenstored accepts a missing node as long as its parent exists.</summary>
    public ValueTask RemoveAsync(string path, CancellationToken cancellationToken = default) =>
        DoneOnPath(XenStoreMessageType.Remove, path, cancellationToken);

    /// <summary>Removes a node and everything below it; <see langword="false"/> if not even its parent exists.</summary>
    public ValueTask<bool> TryRemoveAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.Remove, path, Decoders.Done, cancellationToken, absentIsDefault: true);

    /// <summary>
    /// The names of the nodes directly below <paramref name="path"/>, in the server's order. Their number is not limited to one message.
    /// </summary>
    public async ValueTask<string[]> DirectoryAsync(string path, CancellationToken cancellationToken = default) =>
        await DirectoryReader.ReadAsync(this, path, absentIsNull: false, cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? [];

    /// <summary>
    /// The names of the nodes directly below <paramref name="path"/>; <see langword="null"/> if there is no such node.
    /// </summary>
    public ValueTask<string[]?> TryDirectoryAsync(string path, CancellationToken cancellationToken = default) =>
        DirectoryReader.ReadAsync(this, path, absentIsNull: true, cancellationToken);

    /// <summary>The node's permissions; the first entry names the owner.</summary>
    public ValueTask<XenStorePermissionEntry[]> GetPermissionsAsync(string path, CancellationToken cancellationToken = default) =>
        OnPath(XenStoreMessageType.GetPermissions, path, Decoders.Permissions, cancellationToken);

    /// <summary>Sets the node's permissions; the first entry names the owner.</summary>
    public ValueTask SetPermissionsAsync(
        string path, IReadOnlyCollection<XenStorePermissionEntry> permissions, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(permissions);
        if (permissions.Count == 0)
        {
            throw new ArgumentException("Permissions have at least one entry, the owner's.", nameof(permissions));
        }

        return DoneOnPath(XenStoreMessageType.SetPermissions, path, cancellationToken,
            tail: Encoding.ASCII.GetBytes(string.Concat(permissions.Select(permission => permission + "\0"))));
    }

    internal ValueTask<T> OnPath<T>(
        XenStoreMessageType type,
        string path,
        Decoder<T> decoder,
        CancellationToken cancellationToken,
        string? second = null,
        ReadOnlyMemory<byte> tail = default,
        Memory<byte> destination = default,
        bool absentIsDefault = false)
    {
        if (FindBadPath(type, path) is { } failure)
        {
            return ValueTask.FromException<T>(failure);
        }

        Request<T> request = Request<T>.Rent(Connection, RequestMessage.OnNode(type, TransactionForRequest, path, second, tail), decoder);
        request.Destination = destination;
        request.AbsentIsDefault = absentIsDefault;
        return request.Start(cancellationToken);
    }

    /// <summary>The failure for a path that breaks a rule, or <see langword="null"/>.</summary>
    private protected static XenStoreException? FindBadPath(XenStoreMessageType type, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return XenStorePath.FindBrokenRule(path) is { } rule ? new(type, path, XenStoreError.EINVAL, "EINVAL", rule) : null;
    }

    private ValueTask DoneOnPath(
        XenStoreMessageType type, string path, CancellationToken cancellationToken, ReadOnlyMemory<byte> tail = default)
    {
        if (FindBadPath(type, path) is { } failure)
        {
            return ValueTask.FromException(failure);
        }

        return Request<bool>.Rent(Connection, RequestMessage.OnNode(type, TransactionForRequest, path, tail: tail), Decoders.Done)
            .StartWithoutResult(cancellationToken);
    }
}
