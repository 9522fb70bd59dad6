namespace Xenlet.Kernel;

/// <summary>A page of another domain, which that domain has granted and this one has mapped.</summary>
/// <remarks>
/// <para>Disposing ends the mapping; <see cref="IForeignPages.Unmap"/> ends many by one hypercall. A span or memory of the page must not be
/// used after that, nor a read-only page be written: such an access ends the program.</para>
/// <para>The page stays the other domain's: it may end the grant only when the mapping has ended, but it may be destroyed at any time, and
/// its page then stays here, as it was. A resume of this domain ends all mappings, as if they were disposed.</para>
/// </remarks>
public interface IForeignPage : IPage, IDisposable
{
    /// <summary>The id of the other domain.</summary>
    ushort Domain { get; }

    /// <summary>The other domain's grant reference.</summary>
    uint Reference { get; }

    /// <summary>Whether the page is mapped for reading only.</summary>
    bool IsReadOnly { get; }
}
