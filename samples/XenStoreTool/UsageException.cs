namespace XenStoreTool;

/// <summary>A command cannot be understood; the message says what is wrong and what would be right.</summary>
internal sealed class UsageException(string message) : Exception(message);
