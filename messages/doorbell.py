"""The doorbells of the message classes: one Celery task a class, however many messages came."""

from accounts.message_class import MessageClass
from events.doorbell import Doorbell

TASK = "messages.tasks.deliver"

BELLS = {
    message_class: Doorbell(
        rank=message_class.value,
        queue=message_class.label,
        task=TASK,
        arguments=(message_class.value,),
        is_urgent=message_class is MessageClass.PRIORITY,
    )
    for message_class in MessageClass
}
