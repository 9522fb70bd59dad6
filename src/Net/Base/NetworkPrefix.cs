namespace Xenlet.Net;

/// <summary>The addresses that begin with the same bits.</summary>
public readonly record struct NetworkPrefix
{
    /// <summary>The prefix of an address; the bits behind it are cleared.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative, or longer than an address of the family.</exception>
    public NetworkPrefix(InternetAddress address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, address.Size * 8);
        Address = address.Mask(length);
        Length = length;
    }

    /// <summary>The lowest address of the prefix.</summary>
    public InternetAddress Address { get; }

    /// <summary>How many bits the addresses have in common.</summary>
    public int Length { get; }

    /// <summary>Whether the address begins with this prefix.</summary>
    public bool Contains(InternetAddress address) => address.HasPrefix(Address, Length);

    public override string ToString() => $"{Address}/{Length}";
}
