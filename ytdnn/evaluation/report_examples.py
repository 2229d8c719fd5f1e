"""Part of the report: users with history, recommendations and right answers."""

from ytdnn.evaluation import report_parts


@report_parts.part
class ReportVideo:
    """A video, as the log names it.

    Attributes:
      video_id: Null where it is out of the vocabulary.
      title: Null where unknown.
      topic: Null where unknown.
      channel_id: Null where unknown.
    """

    video_id: report_parts.Id | None
    title: str | None = None
    topic: report_parts.Id | None = None
    channel_id: report_parts.Id | None = None


@report_parts.part
class ListedVideo(ReportVideo):
    """A recommended video.

    Attributes:
      video_id: See `ReportVideo`.
      title: See `ReportVideo`.
      topic: See `ReportVideo`.
      channel_id: See `ReportVideo`.
      is_answer: Whether the user watched it afterwards.
    """

    is_answer: bool


@report_parts.part
class Example:
    """A user with history, recommendations and right answers.

    Attributes:
      user_id: Id as in the log.
      facts: Columns of the user.
      history_length: Number of watches before the request.
      history: The last watches, most recent last.
      lists: List of each MODEL.
      num_answers: Number of right answers.
      answers: The first right answers.
    """

    user_id: report_parts.Id
    facts: dict[str, str | float | int | bool]
    history_length: report_parts.Count
    history: tuple[ReportVideo, ...]
    lists: dict[str, tuple[ListedVideo, ...]]
    num_answers: report_parts.Count
    answers: tuple[ReportVideo, ...]
