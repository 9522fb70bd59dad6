namespace Xenlet.Net;

/// <summary>An exception in a stack that the stack has survived.</summary>
/// <param name="Error">The exception.</param>
/// <param name="Interface">The interface that was served; <see langword="null"/> if it was none.</param>
/// <param name="IsOfConnection">Whether TCP was serving a connection, which has ended, or a listener. No other is concerned.</param>
public readonly record struct StackFault(Exception Error, IpInterface? Interface, bool IsOfConnection);
