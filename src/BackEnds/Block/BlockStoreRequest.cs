namespace Xenlet.BackEnds;

/// <summary>What the tool stack wants a block back end to serve.</summary>
/// <param name="Name">The target of xl's disk line, which arrives as <c>params</c>.</param>
/// <param name="Domain">The front end's domain.</param>
/// <param name="IsReadOnly">Whether the front end may only read (<c>mode</c>), whatever the store allows.</param>
public sealed record BlockStoreRequest(string Name, uint Domain, bool IsReadOnly);
